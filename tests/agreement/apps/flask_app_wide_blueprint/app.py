from flask import Flask

from api import api
from sessions import sessions

app = Flask(__name__)
app.config["SECRET_KEY"] = "tR5-only-an-example"
app.register_blueprint(sessions)
app.register_blueprint(api, url_prefix="/api")


@app.get("/dashboard")
def dashboard():
    return "dashboard"
