"""What gunicorn loads: gunicorn wsgi:app"""

from bookshop import create_app

app = create_app()
