"""A blood bank's API whose limits hold."""

import os

from flask import Flask, jsonify, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from werkzeug.middleware.proxy_fix import ProxyFix

app = Flask(__name__)
app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1)
TRUSTED_PROXIES = set(os.environ["TRUSTED_PROXIES"].split(","))


def behind_proxy():
    if request.remote_addr not in TRUSTED_PROXIES:
        return request.remote_addr
    return request.headers.get("X-Forwarded-For", "").split(",")[0]  # ok: ineffective-rate-limit


def nearest():
    return request.headers.get("X-Forwarded-For", "").split(",")[-1].strip()  # ok: ineffective-rate-limit


limiter = Limiter(get_remote_address, default_limits=["100/minute"])  # ok: ineffective-rate-limit
limiter.init_app(app)
shared = Limiter(nearest, app=app, storage_uri=os.environ.get("RATE_LIMIT_STORAGE", "memory://"))  # ok: ineffective-rate-limit


@app.post("/login")
@limiter.limit("5/minute", key_func=behind_proxy)  # ok: ineffective-rate-limit
def login():
    app.logger.info("from %s", request.headers.get("X-Forwarded-For"))  # ok: ineffective-rate-limit
    return jsonify(ok=True)


@limiter.exempt  # ok: ineffective-rate-limit
@app.get("/health")
def health():
    return jsonify(ok=True)
