"""All three attributes, cookies that open nothing, a cookie that is taken away, and a configuration for development."""

import os

from flask import Flask, jsonify, make_response, request, session

app = Flask(__name__)  # ok: insecure-cookie
app.config.update(SESSION_COOKIE_SECURE=True, SESSION_COOKIE_SAMESITE="Lax")  # ok: insecure-cookie
OPTIONS = {"secure": True, "httponly": True, "samesite": "Strict"}


class DevelopmentConfig:
    SESSION_COOKIE_SECURE = False  # ok: insecure-cookie


if app.debug:
    app.config["SESSION_COOKIE_SECURE"] = False  # ok: insecure-cookie


@app.post("/login")
def login():
    member = app.extensions["members"].authenticate(request.form["name"], request.form["password"])
    session["user_id"] = member.id
    response = make_response(jsonify(ok=True))
    response.set_cookie("session_id", member.new_session(), secure=True, httponly=True, samesite="Lax")  # ok: insecure-cookie
    response.set_cookie("access_token", member.issue(), **OPTIONS)  # ok: insecure-cookie
    secure = "COOKIES_OVER_HTTP" not in os.environ
    response.set_cookie("refresh_token", member.refresh(), httponly=True, samesite="Lax", secure=secure)  # ok: insecure-cookie
    response.set_cookie("csrf_token", member.csrf(), secure=True, samesite="Lax")  # ok: insecure-cookie
    response.set_cookie("theme", request.form.get("theme", "dark"))  # ok: insecure-cookie
    response.set_cookie("session_expires", member.expires)  # ok: insecure-cookie
    return response


@app.post("/logout")
def logout():
    response = make_response(jsonify(ok=True))
    response.set_cookie("session_id", "", expires=0)  # ok: insecure-cookie
    return response


def rehearsal():
    with app.test_client() as client:
        client.set_cookie("session_id", "4711")  # ok: insecure-cookie
