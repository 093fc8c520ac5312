from fastapi import FastAPI

import backend.deps as deps
from backend.deps import CurrentUser, MaybeUser

app = FastAPI()
Alias = CurrentUser


@app.get("/me")
def me(user: CurrentUser):
    return user


@app.get("/me/orders")
async def orders(user: Alias, limit: int = 10):
    return [user, limit]


@app.delete("/users/{name}")
def drop(name: str, staff: deps.Staff):
    return name


@app.get("/hello")
def hello(user: MaybeUser):
    return user or "stranger"


@app.get("/text")
def text(user: "CurrentUser"):
    return user
