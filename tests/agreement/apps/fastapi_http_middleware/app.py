from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.middleware.base import BaseHTTPMiddleware

from keys import known

app = FastAPI()
OPEN = {"/", "/health"}


@app.middleware("http")
async def check(request: Request, call_next):
    if request.url.path in OPEN or request.url.path.startswith("/public"):
        return await call_next(request)
    if not known(request.headers.get("X-API-Key")):
        return JSONResponse({"detail": "unknown key"}, status_code=401)
    return await call_next(request)


class Stamp(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        response = await call_next(request)
        response.headers["X-Key-Seen"] = str("x-api-key" in request.headers)
        return response


app.add_middleware(Stamp)


@app.get("/")
def root():
    return "root"


@app.get("/health")
def health():
    return "ok"


@app.get("/public/{page}")
def page(page: str):
    return page


@app.api_route("/orders/{number}", methods=["GET", "DELETE"])
def order(number: int):
    return number
