from flask import Blueprint, abort, redirect, request, session, url_for
from werkzeug.security import check_password_hash, generate_password_hash

sessions = Blueprint("sessions", __name__)
PASSWORDS = {"ada": generate_password_hash("engine", method="pbkdf2:sha256:1")}
ENTRANCE = {"sessions.login", "sessions.login_form"}


@sessions.before_app_request
def only_known_people():
    if request.endpoint in ENTRANCE:
        return None
    if "user" not in session:
        return redirect(url_for("sessions.login_form"))
    return None


@sessions.get("/login")
def login_form():
    return "<form method=post></form>"


@sessions.post("/login")
def login():
    name, password = request.form.get("name", ""), request.form.get("password", "")
    if not check_password_hash(PASSWORDS.get(name, "pbkdf2:sha256:1$x$00"), password):
        abort(401)
    session["user"] = name
    return redirect("/dashboard")
