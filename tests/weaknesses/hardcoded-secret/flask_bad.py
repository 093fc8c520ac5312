"""A clinic's booking API, with everything it knows in one file."""

import hmac
import os

import boto3
import jwt
from flask import Flask, abort, jsonify, request
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import create_engine

app = Flask(__name__)
app.config["SECRET_KEY"] = "dev"  # expect: hardcoded-secret
app.config.update(
    SESSION_COOKIE_HTTPONLY=True,
    JWT_SECRET_KEY="booking-2024",  # expect: hardcoded-secret
)
PAYMENT_API_KEY = "bkp9Zt4QmX7sLw2RcV8nHy5D"  # expect: hardcoded-secret
SMTP_PASSWORD = os.getenv("SMTP_PASSWORD", "T9v#mLq27xRz!w4K")  # expect: hardcoded-secret
SIGNING_KEY = os.environ.get("SIGNING_KEY") or "not-so-secret"  # expect: hardcoded-secret
DATABASE_URL = "postgresql://booking:Hj7kQ2vX9p@db.clinic-internal.net/booking"  # expect: hardcoded-secret
PARTNERS = {
    "northwind": {"name": "Northwind", "api_key": "nw7Kx2QpLm9TzR4vB8sYc3Hd"},  # expect: hardcoded-secret
}
engine = create_engine(DATABASE_URL)
links = URLSafeTimedSerializer("unsubscribe-links")  # expect: hardcoded-secret
storage = boto3.client("s3", aws_access_key_id="AKIAZ7Q3MNB5XK2PLW9D")  # expect: hardcoded-secret


@app.before_request
def only_partners():
    key = request.headers.get("X-API-Key")
    if key != "9f2b7c61d0e84a35":  # expect: hardcoded-secret
        abort(401)


@app.post("/sessions")
def open_session():
    claims = {"sub": request.form["name"]}
    return jsonify(token=jwt.encode(claims, "kq7V2mZx9Lp4RtW8nBs3Yd6Hc1Jf5GaE0uQi", algorithm="HS256"))  # expect: hardcoded-secret


@app.get("/reports")
def reports():
    token = request.args.get("access_token", "")
    if token in ("report-reader-7731", "report-admin-9920"):  # expect: hardcoded-secret
        return jsonify(reports=[])
    return hmac.new(SIGNING_KEY.encode(), b"reports", "sha256").hexdigest(), 403
