"""The same API, with its secrets in the environment."""

import os
import secrets

import jwt
from flask import Flask, abort, jsonify, request
from flask_babel import gettext
from flask_wtf import FlaskForm
from sqlalchemy import Column, String
from wtforms import PasswordField

API_KEY_HEADER = "X-API-Key"  # ok: hardcoded-secret
TOKEN_URL = "https://login.example.com/oauth/token"  # ok: hardcoded-secret
PASSWORD_RULE = r"^(?=.*\d)[A-Za-z\d]{12,}$"  # ok: hardcoded-secret
SECRET_FILE = "/run/secrets/booking"  # ok: hardcoded-secret
TOKEN_TYPE = "bearer"  # ok: hardcoded-secret
API_KEY = "<your-api-key>"  # ok: hardcoded-secret
REDIS_URL = "redis://localhost:6379/0"  # ok: hardcoded-secret
SMTP_PASSWORD = os.getenv("SMTP_PASSWORD", "")  # ok: hardcoded-secret
PASSWORD_HINT = "At least twelve characters, one of them a digit"  # ok: hardcoded-secret
MESSAGES = {"password": "Passwort", "wrong_password": "Das Passwort ist falsch", "token": "Schlüssel"}  # ok: hardcoded-secret

app = Flask(__name__)
app.config["SECRET_KEY"] = os.environ["SECRET_KEY"]  # ok: hardcoded-secret
app.config["JWT_SECRET_KEY"] = secrets.token_urlsafe(32)  # ok: hardcoded-secret


class LoginForm(FlaskForm):
    password = PasswordField("Password", render_kw={"placeholder": "Password"})  # ok: hardcoded-secret


class Partner:
    api_key = Column("api_key", String(64), doc="shown once")  # ok: hardcoded-secret


@app.post("/sessions")
def open_session():
    for key, value in request.form.items():
        if key == "remember_me_for_30_days":  # ok: hardcoded-secret
            app.permanent_session_lifetime = value
    if request.form["token_type"] != "access_token_2":  # ok: hardcoded-secret
        abort(400, gettext("Unknown token type"))
    return jsonify(token=jwt.encode({"sub": request.form["name"]}, app.config["SECRET_KEY"], algorithm="HS256"))  # ok: hardcoded-secret
