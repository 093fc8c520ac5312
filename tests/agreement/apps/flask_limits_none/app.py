from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

app = Flask(__name__)
# Made, and never given the app: it limits nothing.
unbound = Limiter(get_remote_address, default_limits=["2 per minute"], storage_uri="memory://")
off = Limiter(get_remote_address, app=app, default_limits=["3 per minute"], storage_uri="memory://", enabled=False)


@app.get("/one")
def one():
    return "one"


@app.get("/two")
@off.limit("2 per minute")
def two():
    return "two"
