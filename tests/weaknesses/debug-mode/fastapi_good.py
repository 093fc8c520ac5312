"""Three small services."""

import os

import uvicorn
from fastapi import FastAPI
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    debug: bool = False


settings = Settings()
app = FastAPI(title="Orders", debug=settings.debug)  # ok: debug-mode
internal = FastAPI(debug=os.getenv("DEBUG") == "1")  # ok: debug-mode
status = FastAPI(debug=False)  # ok: debug-mode
if settings.debug:
    app.debug = True  # ok: debug-mode
app.mount("/internal", internal)
app.mount("/status", status)


@app.get("/orders")
def orders():
    return []


if __name__ == "__main__":
    uvicorn.run("service:app", reload=True, log_level="debug")  # ok: debug-mode
