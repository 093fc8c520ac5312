"""Bicycle rental with predictable credentials."""

import random
import string
import uuid
from datetime import datetime
from hashlib import sha1

from fastapi import FastAPI
from pydantic import BaseModel, Field

app = FastAPI()
SESSIONS: dict[str, str] = {}


class Rental(BaseModel):
    unlock_token: str = Field(default_factory=lambda: "".join(random.choices(string.hexdigits, k=32)))  # expect: weak-key-generation


class Rider:
    def __init__(self, name: str) -> None:
        self.name = name
        self.access_token = "%032x" % random.getrandbits(128)  # expect: weak-key-generation


@app.post("/sessions")
def login(name: str):
    session_id = str(uuid.uuid1())  # expect: weak-key-generation
    SESSIONS[session_id] = name
    return {"session": session_id}


@app.post("/tokens")
def token(name: str):
    refresh_token = sha1((name + str(datetime.now())).encode()).hexdigest()  # expect: weak-key-generation
    return {"refresh": refresh_token}


@app.post("/keys")
def key():
    return {"api_key": uuid.uuid4().hex[:8]}  # expect: weak-key-generation


@app.post("/forgot")
def forgot():
    verification_code = "".join(str(random.randrange(10)) for _ in range(6))  # expect: weak-key-generation
    return {"sent": len(verification_code)}
