from flask import Blueprint, abort, redirect, request
from flask_login import current_user, login_required, login_user, logout_user

from website.login import USERS

pages = Blueprint("pages", __name__)


@pages.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "POST" and request.form.get("password") == "engine":
        login_user(USERS["ada"])
        return redirect("/account")
    return "<form method=post></form>"


@pages.get("/account")
@login_required
def account():
    return current_user.get_id()


@pages.post("/logout")
@login_required
def logout():
    logout_user()
    return redirect("/")


@pages.get("/")
def index():
    # Not a gate: strangers get the same page with another greeting.
    return "welcome back" if current_user.is_authenticated else "welcome"


@pages.get("/drafts")
def drafts():
    if not current_user.is_authenticated:
        abort(403)
    return "drafts"
