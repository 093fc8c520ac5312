"""Flask's own session keeps who is logged in, with Flask's own default."""

from flask import Flask, abort, redirect, request, session

app = Flask(__name__)  # expect: insecure-cookie


@app.post("/login")
def login():
    member = app.extensions["members"].authenticate(request.form["name"], request.form["password"])
    if member is None:
        abort(401)
    session["user_id"] = member.id
    return redirect("/")
