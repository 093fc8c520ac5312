from flask import Flask


class Timing:
    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        environ["shop.key"] = environ.get("HTTP_X_API_KEY")
        return self.app(environ, start_response)


app = Flask(__name__)
app.wsgi_app = Timing(app.wsgi_app)


@app.get("/stock")
def stock():
    return {"stock": 3}
