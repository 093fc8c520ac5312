from fastapi import FastAPI, Request
from slowapi import _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded

from limits_setup import limiter, uploads
from routes import router

app = FastAPI()
app.state.limiter = limiter
app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)
app.include_router(router, prefix="/api")


@app.get("/unlimited")
def unlimited(request: Request):
    return "unlimited"


@app.post("/upload")
@uploads
def upload(request: Request):
    return "upload"
