"""Public on purpose is told by what a handler does; who gives or takes the data of others is not public."""

from __future__ import annotations

import pytest

from ostiary.scan.code.gates import Gates
from ostiary.scan.code.values import Func
from tests.scan.code.gatekit import name, read

IMPORTS = """
import hmac, os
from fastapi import Depends, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, RedirectResponse
from fastapi.security import OAuth2PasswordRequestForm
from flask import Flask, abort, current_app, jsonify, make_response, redirect, render_template, request, send_from_directory, session, url_for
from flask_login import login_user, logout_user
from werkzeug.security import check_password_hash, generate_password_hash
"""
PUBLIC = {
    "link that the server signed": ("GET", "/share/{kind}", "signed", """
        def gate(kind):
            share = make(kind)
            if request.args.get("mac") != share.mac:
                abort(404)
            return share.content
    """),
    "login that checks a hash": ("POST", "/login", "login", """
        def gate():
            user = User.query.filter_by(name=request.form["username"]).first()
            if user and check_password_hash(user.password, request.form["password"]):
                login_user(user)
                return redirect("/")
            return render_template("login.html")
    """),
    "login that compares": ("POST", "/users/v1/login", "login", """
        def gate():
            data = request.get_json()
            user = User.query.filter_by(username=data.get("username")).first()
            if user and data.get("password") == user.password:
                return jsonify(token=user.encode_auth_token(user.username))
            return jsonify(error="no")
    """),
    "token endpoint with the form of OAuth2": ("POST", "/token", "login", """
        def gate(form: OAuth2PasswordRequestForm = Depends()):
            return issue(form.username)
    """),
    "registration": ("POST", "/register", "registration", """
        def gate():
            db.session.add(User(name=request.form["name"], password=generate_password_hash(request.form["password"])))
            db.session.commit()
            return "", 201
    """),
    "password reset request": ("POST", "/password-recovery/{email}", "confirms", """
        def gate(email: str):
            user = find(email)
            if user:
                send_reset_email(user.email)
            return {"message": "sent"}
    """),
    "password reset with a token": ("POST", "/reset-password/", "confirms", """
        def gate(body: NewPassword):
            email = verify_password_reset_token(token=body.token)
            if not email:
                raise HTTPException(400)
            update_password(email, body.new_password)
    """),
    "e-mail confirmation": ("GET", "/verify/{token}", "confirms", """
        def gate(token):
            user = load_token(token)
            user.verified = True
            return render_template("verify.html")
    """),
    "logout": ("GET", "/logout", "logout", """
        def gate():
            logout_user()
            return redirect(url_for("login"))
    """),
    "logout of a session": ("POST", "/auth/logout", "logout", """
        def gate():
            session.clear()
            return "", 204
    """),
    "health": ("GET", "/healthz", "health", """
        def gate():
            return {"status": "ok"}
    """),
    "version": ("GET", "/api/version", "health", """
        def gate():
            return {"version": VERSION}
    """),
    "index page": ("GET", "/", "page", """
        def gate():
            return render_template("index.html")
    """),
    "redirect": ("GET", "/", "page", """
        def gate():
            return redirect(url_for("docs.index"))
    """),
    "static files": ("GET", "/assets/{path}", "page", """
        def gate(path):
            return send_from_directory(ASSETS, path)
    """),
    "a constant": ("GET", "/", "same words", """
        def gate():
            return {"message": "Hello"}
    """),
    "documentation": ("GET", "/docs", "documentation", """
        def gate():
            return get_swagger_ui_html(openapi_url="/openapi.json", title="x")
    """),
    "start of a login elsewhere": ("GET", "/login/google", "another provider", """
        def gate():
            return oauth.google.authorize_redirect(url_for("callback", _external=True))
    """),
    "callback of a login elsewhere": ("GET", "/oauth/callback", "another provider", """
        def gate():
            token = oauth.google.authorize_access_token()
            login_user(find_user(token))
            return redirect("/")
    """),
    "webhook with a verified signature": ("POST", "/webhooks/payments", "webhook", """
        def gate():
            if not hmac.compare_digest(sign(request.data), request.headers["X-Signature"]):
                abort(400)
            handle(request.json)
            return "", 204
    """),
}  # fmt: skip
NOT_PUBLIC = {
    "a list of users": ("GET", "/users", """
        def gate():
            return jsonify([u.name for u in User.query.all()])
    """),
    "debug output under a harmless path": ("GET", "/status", """
        def gate():
            return jsonify(dict(os.environ), users=User.query.all())
    """),
    "an admin resets somebody's password": ("GET", "/admin/reset-chef-password", """
        def gate(request: Request, db=Depends(get_db)):
            update_user_password(db, "chef", new_password())
            return {"password": new_password()}
    """),
    "an admin resets a password by e-mail address": (
        "POST",
        "/admin/reset-password",
        """
        def gate(email: str):
            user = find(email)
            set_password(user, generate_password_hash("x"))
            return user
    """,
    ),
    "a webhook without a signature": ("POST", "/webhook", """
        def gate():
            handle(request.json)
            return "", 204
    """),
    "a login path that lists sessions": ("GET", "/auth/sessions", """
        def gate():
            return jsonify([s.id for s in Session.query.all()])
    """),
    "a file that the caller names": ("GET", "/download", """
        def gate(path: str):
            return FileResponse(path)
    """),
    "a page with the data of somebody": ("GET", "/users/{id}", """
        def gate(id):
            return render_template("user.html", user=User.query.get(id))
    """),
    "creating the database": ("GET", "/createdb", """
        def gate():
            db.drop_all()
            db.create_all()
            return "ok"
    """),
    "the status of an order": ("GET", "/orders/status/{order_id}", """
        def gate(order_id):
            return jsonify(Order.query.get(order_id).status)
    """),
    "delete": ("DELETE", "/items/{id}", """
        def gate(id):
            db.session.delete(Item.query.get(id))
            return "", 204
    """),
}  # fmt: skip


def _mark(source: str, path: str, method: str) -> str | None:
    world = read(IMPORTS + source.replace("\n        ", "\n"))
    func = name(world)
    assert isinstance(func, Func)
    mark = Gates(world).public_by_behaviour(func, path, method)
    return mark.reason if mark is not None else None


@pytest.mark.parametrize("case", PUBLIC)
def test_public(case: str) -> None:
    method, path, reason, source = PUBLIC[case]
    assert reason in (_mark(source, path, method) or "nothing")


@pytest.mark.parametrize("case", NOT_PUBLIC)
def test_not_public(case: str) -> None:
    method, path, source = NOT_PUBLIC[case]
    assert _mark(source, path, method) is None
