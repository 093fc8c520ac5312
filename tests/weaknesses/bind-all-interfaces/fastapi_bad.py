"""Started by hand, by a script and by hypercorn."""

import asyncio

import uvicorn
from fastapi import FastAPI
from hypercorn.asyncio import serve
from hypercorn.config import Config

app = FastAPI()
config = Config()
config.bind = ["0.0.0.0:8443"]  # expect: bind-all-interfaces


@app.get("/")
def index():
    return {"ok": True}


def script():
    server = uvicorn.Server(uvicorn.Config(app, host="0.0.0.0", port=8000))  # expect: bind-all-interfaces
    server.run()


if __name__ == "__main__":
    uvicorn.run("service:app", host="::", port=8000, reload=True)  # expect: bind-all-interfaces
    asyncio.run(serve(app, config))
