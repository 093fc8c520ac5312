from functools import wraps

from fastapi import Depends, FastAPI, HTTPException, Request

app = FastAPI()
SESSIONS = {"y-1": "ada"}


def database():
    connection = {"open": True}
    try:
        yield connection
    finally:
        connection["open"] = False


async def session_user(request: Request, db: dict = Depends(database)):
    name = SESSIONS.get(request.cookies.get("session"))
    if not db["open"] or name is None:
        raise HTTPException(401, "sign in")
    try:
        yield name
    finally:
        db["last"] = name


def signed_in(endpoint):
    @wraps(endpoint)
    async def wrapper(*args, request: Request, **kwargs):
        if request.headers.get("Authorization") != "Bearer y-2":
            raise HTTPException(status_code=403)
        return await endpoint(*args, request=request, **kwargs)

    return wrapper


@app.get("/yielded")
def yielded(user: str = Depends(session_user)):
    return user


@app.get("/decorated")
@signed_in
async def decorated(request: Request):
    return "decorated"


@app.get("/plain")
def plain(db: dict = Depends(database)):
    return db["open"]
