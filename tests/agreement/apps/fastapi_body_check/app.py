from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from people import NotAllowed, person_of

app = FastAPI()


@app.exception_handler(NotAllowed)
async def not_allowed(request: Request, error: NotAllowed):
    return JSONResponse({"detail": "who are you?"}, status_code=401)


@app.get("/inline")
async def inline(request: Request):
    if request.headers.get("authorization") != "Bearer bc-1":
        raise HTTPException(status_code=401)
    return "inline"


@app.get("/own-error")
async def own_error(request: Request):
    return person_of(request)


@app.get("/redirect")
async def redirect(request: Request):
    if request.cookies.get("session") != "bc-2":
        return RedirectResponse("/login")
    return "inside"


@app.get("/status")
async def status(request: Request, response: Response):
    # Strangers are marked and served.
    if request.headers.get("X-API-Key") != "bc-3":
        response.headers["X-Stranger"] = "yes"
    return {"orders": [1, 2, 3]}


@app.get("/nearby")
async def nearby(request: Request):
    if request.client.host not in ("testclient", "127.0.0.1"):
        raise HTTPException(403)
    return "nearby"


@app.get("/login")
async def login():
    return "login"
