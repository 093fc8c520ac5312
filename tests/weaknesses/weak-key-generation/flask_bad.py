"""A ticket shop whose keys can be computed."""

import hashlib
import random
import secrets
import string
import time
import uuid

from flask import Flask, jsonify, request
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
db = SQLAlchemy(app)


class Seller(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    api_key = db.Column(db.String(36), default=lambda: str(uuid.uuid1()))  # expect: weak-key-generation
    email = db.Column(db.String(80))


def random_string(length=32):
    letters = string.ascii_letters + string.digits
    return "".join(random.choice(letters) for _ in range(length))  # expect: weak-key-generation


def generate_session_token():
    token = ""
    for _ in range(40):
        token += random.choice("0123456789abcdef")  # expect: weak-key-generation
    return token


@app.post("/sellers")
def join():
    seller = Seller(api_key=random_string(40), email=request.json["email"])
    return jsonify(id=seller.id)


@app.post("/reset")
def reset():
    user = Seller.query.filter_by(email=request.json["email"]).first()
    reset_token = hashlib.md5(f"{user.email}{time.time()}".encode()).hexdigest()  # expect: weak-key-generation
    return jsonify(mailed=bool(reset_token))


@app.post("/keys")
def new_key():
    user = request.json["email"]
    api_key = hashlib.sha256(user.email.encode()).hexdigest()  # expect: weak-key-generation
    return jsonify(stored=bool(api_key))


@app.post("/invite")
def invite():
    return jsonify(invite_token=secrets.token_hex(4))  # expect: weak-key-generation


@app.post("/codes")
def code():
    otp = random.randint(100000, 999999)  # expect: weak-key-generation
    return jsonify(sent=bool(otp))


@app.post("/passwords")
def password():
    chars = []
    for _ in range(12):
        chars.append(random.choice(string.printable))  # expect: weak-key-generation
    new_password = "".join(chars)
    return jsonify(mailed=bool(new_password))
