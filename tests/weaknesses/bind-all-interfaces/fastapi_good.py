"""Started behind a proxy on the same machine."""

import subprocess

import uvicorn
from fastapi import FastAPI
from hypercorn.config import Config

app = FastAPI()
config = Config()
config.bind = ["127.0.0.1:8443"]  # ok: bind-all-interfaces


@app.get("/")
def index():
    return {"ok": True}


def watch():
    subprocess.run(["ss", "-ltn", "src", "0.0.0.0"], check=True)  # ok: bind-all-interfaces
    server = uvicorn.Server(uvicorn.Config(app, uds="/run/app.sock"))  # ok: bind-all-interfaces
    server.run()


if __name__ == "__main__":
    uvicorn.run("service:app", host="127.0.0.1", port=8000)  # ok: bind-all-interfaces
