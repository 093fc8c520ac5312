"""Cookies that open the account, each open to somebody."""

from flask import Flask, jsonify, make_response, request

ACCESS_COOKIE_NAME = "access_token"
app = Flask(__name__)
app.config["SESSION_COOKIE_HTTPONLY"] = False  # expect: insecure-cookie


class ProductionConfig:
    SESSION_COOKIE_SECURE = False  # expect: insecure-cookie
    SESSION_COOKIE_SAMESITE = None  # expect: insecure-cookie


@app.post("/login")
def login():
    member = app.extensions["members"].authenticate(request.form["name"], request.form["password"])
    response = make_response(jsonify(ok=True))
    response.set_cookie("session_id", member.new_session())  # expect: insecure-cookie
    response.set_cookie(ACCESS_COOKIE_NAME, member.issue(), secure=True, samesite="Lax")  # expect: insecure-cookie
    response.set_cookie("refresh_token", member.refresh(), secure=True, httponly=True)  # expect: insecure-cookie
    response.set_cookie("remember_me", member.remember(), secure=False, httponly=True, samesite="Strict")  # expect: insecure-cookie
    return response
