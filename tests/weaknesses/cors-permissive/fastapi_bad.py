"""Three applications that anybody's page may read."""

from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from starlette.middleware import Middleware

ANYBODY = ["*"]
app = FastAPI()
app.add_middleware(CORSMiddleware, allow_origins=ANYBODY, allow_methods=["GET"])  # expect: cors-permissive
feeds = FastAPI(middleware=[Middleware(CORSMiddleware, allow_origin_regex=".*")])  # expect: cors-permissive
status = FastAPI()


@status.middleware("http")
async def open_up(request: Request, call_next):
    response = await call_next(request)
    response.headers["Access-Control-Allow-Origin"] = "*"  # expect: cors-permissive
    return response


@app.get("/orders")
def orders():
    return []


app.mount("/feeds", feeds)
app.mount("/status", status)
