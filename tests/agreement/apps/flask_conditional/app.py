import os

from flask import Flask

from doors import key_required

app = Flask(__name__)
FEATURES = set(os.environ.get("FEATURES", "").split(","))


@app.get("/always")
@key_required
def always():
    return "always"


if "beta" in FEATURES:

    @app.get("/beta")
    def beta():
        return "beta"


if os.environ.get("WITH_DEBUG_ROUTES"):

    @app.get("/debug/routes")
    def routes():
        return sorted(str(rule) for rule in app.url_map.iter_rules())

try:
    import orjson_that_is_not_there as json
except ImportError:
    import json


@app.get("/dump")
@key_required
def dump():
    return json.dumps({"fine": True})
