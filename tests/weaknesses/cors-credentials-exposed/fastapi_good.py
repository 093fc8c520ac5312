"""Credentials for named origins only."""

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

app = FastAPI()
app.add_middleware(  # ok: cors-credentials-exposed
    CORSMiddleware,
    allow_origins=["https://shop.example.com", "https://admin.example.com"],
    allow_credentials=True,
    allow_methods=["*"],
)
feeds = FastAPI()
feeds.add_middleware(CORSMiddleware, allow_origins=["*"], allow_credentials=False)  # ok: cors-credentials-exposed
status = FastAPI()
status.add_middleware(CORSMiddleware, allow_origin_regex=r"https://.*\.example\.com", allow_credentials=True)  # ok: cors-credentials-exposed


@app.get("/orders")
def orders():
    return []


app.mount("/feeds", feeds)
app.mount("/status", status)
