"""Applications that name who may read."""

import os

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

app = FastAPI()
app.add_middleware(  # ok: cors-permissive
    CORSMiddleware,
    allow_origins=["https://shop.example.com"],
    allow_methods=["*"],
    allow_headers=["*"],
)
feeds = FastAPI(middleware=[Middleware(CORSMiddleware, allow_origin_regex=r"https://[a-z]+\.example\.com")])  # ok: cors-permissive
status = FastAPI(middleware=[Middleware(GZipMiddleware, minimum_size=1000)])  # ok: cors-permissive
status.add_middleware(CORSMiddleware, allow_origins=os.environ["ORIGINS"].split(","))  # ok: cors-permissive


@app.get("/orders")
def orders():
    return []


app.mount("/feeds", feeds)
app.mount("/status", status)
