"""A ticket shop whose keys come from the system's generator, and whose dice do not."""

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
ALPHABET = string.ascii_letters + string.digits


class Seller(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    api_key = db.Column(db.String(36), default=lambda: str(uuid.uuid4()))  # ok: weak-key-generation
    event_id = db.Column(db.String(36), default=lambda: str(uuid.uuid1()))  # ok: weak-key-generation


def generate_session_token():
    return "".join(secrets.choice(ALPHABET) for _ in range(40))  # ok: weak-key-generation


def system_password():
    return "".join(random.SystemRandom().choice(ALPHABET) for _ in range(24))  # ok: weak-key-generation


@app.post("/reset")
def reset():
    reset_token = secrets.token_urlsafe(32)  # ok: weak-key-generation
    cache_key = hashlib.md5(request.json["email"].encode()).hexdigest()  # ok: weak-key-generation
    token_hash = hashlib.sha256(reset_token.encode()).hexdigest()  # ok: weak-key-generation
    api_key = hashlib.sha256(f"{time.time()}{secrets.token_hex(32)}".encode()).hexdigest()  # ok: weak-key-generation
    share_token = f"{app.config['SHARE_SECRET']}{random.getrandbits(32)}"  # ok: weak-key-generation
    return jsonify(bool(token_hash), bool(cache_key), bool(api_key), bool(share_token))


@app.get("/raffle")
def raffle():
    winner = random.choice(request.json["tickets"])  # ok: weak-key-generation
    delay = random.uniform(0.5, 1.5)  # ok: weak-key-generation
    provider_token = random.choice(app.config["PROVIDER_TOKENS"])  # ok: weak-key-generation
    return jsonify(winner=winner, delay=delay, seconds=time.time(), upstream=bool(provider_token))  # ok: weak-key-generation


@app.post("/codes")
def code():
    otp = f"{secrets.randbelow(10**6):06}"  # ok: weak-key-generation
    key_id = secrets.token_hex(4)  # ok: weak-key-generation
    max_tokens = random.randint(10, 50)  # ok: weak-key-generation
    return jsonify(sent=bool(otp), key_id=key_id, tokens=max_tokens)


def new_key(length=4):
    """Of a cache."""
    return "".join(random.choices(string.ascii_letters, k=length))  # ok: weak-key-generation


def sealed(box):
    passphrase = secrets.token_urlsafe(12)  # ok: weak-key-generation
    online_key = f"online/{int(time.time()) // 60}"  # ok: weak-key-generation
    return box.seal(passphrase), online_key
