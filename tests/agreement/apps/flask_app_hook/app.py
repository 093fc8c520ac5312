import hmac
import os

from flask import Flask, jsonify, request

app = Flask(__name__)
OPEN_PATHS = ("/health", "/version")


@app.before_request
def authenticate():
    if request.path in OPEN_PATHS or request.path.startswith("/public/"):
        return None
    token = request.headers.get("Authorization", "")
    if not hmac.compare_digest(token.encode(), f"Bearer {os.environ['SERVICE_TOKEN']}".encode()):
        return jsonify(error="unauthorized"), 401
    return None


@app.get("/health")
def health():
    return "ok"


@app.get("/version")
def version():
    return "1"


@app.get("/public/<page>")
def page(page):
    return page


@app.route("/jobs", methods=["GET", "POST"])
def jobs():
    return {"jobs": []}


@app.delete("/jobs/<int:job>")
def cancel(job):
    return {"cancelled": job}
