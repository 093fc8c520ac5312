from flask import Blueprint, Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

app = Flask(__name__)
limiter = Limiter(get_remote_address, app=app, default_limits=["7 per minute"], storage_uri="memory://")
downloads = limiter.shared_limit("5 per hour", scope="downloads")


@app.get("/default")
def default():
    return "default"


@app.get("/own")
@limiter.limit("3 per minute")
def own():
    return "own"


@app.get("/two")
@limiter.limit("4/second;6/hour")
@limiter.limit("2 per day")
def two():
    return "two"


@app.get("/added")
@limiter.limit("4 per minute", override_defaults=False)
def added():
    return "added"


@app.get("/exempt")
@limiter.exempt
def exempt():
    return "exempt"


@app.get("/pdf")
@downloads
def pdf():
    return "pdf"


# Above the route: the name is taken for decorated, the function that is served is not: not even the default holds.
@limiter.limit("2 per minute")
@app.get("/above")
def above():
    return "above"


narrow = Blueprint("narrow", __name__, url_prefix="/narrow")
free = Blueprint("free", __name__, url_prefix="/free")
limiter.limit("3 per minute")(narrow)
limiter.exempt(free)


@narrow.get("/plain")
def plain():
    return "plain"


@narrow.get("/own")
@limiter.limit("5 per minute")
def narrow_own():
    return "own"


@free.get("/plain")
def free_plain():
    return "plain"


app.register_blueprint(narrow)
app.register_blueprint(free)
