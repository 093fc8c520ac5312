"""Bicycle rental with unpredictable credentials."""

import random
import secrets
import time
import uuid

from fastapi import FastAPI
from pydantic import BaseModel, Field

app = FastAPI()
SESSIONS: dict[str, str] = {}


class Rental(BaseModel):
    unlock_token: str = Field(default_factory=lambda: secrets.token_hex(16))  # ok: weak-key-generation
    number: int = Field(default_factory=lambda: random.randrange(10**6))  # ok: weak-key-generation


def new_token(nbytes: int = 24) -> str:
    return secrets.token_urlsafe(nbytes)  # ok: weak-key-generation


@app.post("/sessions")
def login(name: str):
    session_id = uuid.uuid4().hex  # ok: weak-key-generation
    SESSIONS[session_id] = name
    return {"session": session_id, "at": time.time()}  # ok: weak-key-generation


@app.get("/bikes")
def bikes(nearby: int = 10):
    shown = random.sample(range(1000), nearby)  # ok: weak-key-generation
    request_id = str(uuid.uuid1())  # ok: weak-key-generation
    cache_key = f"bikes:{int(time.time()) // 60}"  # ok: weak-key-generation
    return {"bikes": shown, "request": request_id, "cache": cache_key, "expires_token_at": time.time() + 60}  # ok: weak-key-generation
