from flask import Flask

from website.login import login_manager
from website.pages import pages
from website.staff import staff


def create_app():
    app = Flask(__name__)
    app.secret_key = "x4-only-an-example"
    login_manager.init_app(app)
    app.register_blueprint(pages)
    app.register_blueprint(staff, url_prefix="/staff")
    return app
