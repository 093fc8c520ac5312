"""Three applications that any page may use in the visitor's name."""

from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware

OPTIONS = {"allow_origins": ["*"], "allow_credentials": True}
app = FastAPI()
app.add_middleware(  # expect: cors-credentials-exposed
    CORSMiddleware,
    allow_origins=["*"],
    allow_credentials=True,
    allow_methods=["*"],
)
feeds = FastAPI()
feeds.add_middleware(CORSMiddleware, allow_origin_regex=r"https?://.*", allow_credentials=True)  # expect: cors-credentials-exposed
status = FastAPI()
status.add_middleware(CORSMiddleware, **OPTIONS)  # expect: cors-credentials-exposed


@app.middleware("http")
async def open_up(request: Request, call_next):
    response = await call_next(request)
    response.headers["Access-Control-Allow-Origin"] = request.headers.get("origin", "")  # expect: cors-credentials-exposed
    response.headers["Access-Control-Allow-Credentials"] = "true"
    return response


app.mount("/feeds", feeds)
app.mount("/status", status)
