"""Login and user profiles."""

from datetime import datetime, timedelta, timezone

import jwt
from fastapi import APIRouter, Depends, Form, HTTPException

from app import config, data
from app.security import require_admin

router = APIRouter()


@router.post("/login")
def login(username: str = Form(), password: str = Form()):
    user = data.USERS.get(username)
    if not user or user["password"] != password:
        raise HTTPException(401, "wrong name or password")
    expires = datetime.now(timezone.utc) + timedelta(days=30)
    token = jwt.encode({"sub": username, "exp": expires}, config.JWT_SECRET, algorithm="HS256")
    return {"access_token": token, "token_type": "bearer"}


@router.get("/users/{name}")
def read_user(name: str):
    if name not in data.USERS:
        raise HTTPException(404, "no such user")
    return data.USERS[name]


@router.delete("/users/{name}", dependencies=[Depends(require_admin)])
def delete_user(name: str):
    return {"deleted": data.USERS.pop(name, None) is not None}


@router.get("/admin/settings", dependencies=[Depends(require_admin)])
def show_settings():
    return {"users": len(data.USERS), "warehouse_key": config.WAREHOUSE_API_KEY}
