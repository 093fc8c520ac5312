from fastapi import Depends, FastAPI, HTTPException, Request

import settings

app = FastAPI()


def guard(request: Request):
    if request.headers.get("X-API-Key") != settings.KEY:
        raise HTTPException(401)


@app.get("/before", dependencies=[Depends(guard)])
def before():
    return "before"


def guard(request: Request):  # noqa: F811
    return None


@app.get("/after", dependencies=[Depends(guard)])
def after():
    return "after"


@app.get("/twice")
def first(_: None = Depends(guard)):
    return "served: the first declaration wins"


@app.get("/overridden", dependencies=[Depends(settings.strict)])
def overridden():
    return "overridden"


app.dependency_overrides[settings.strict] = guard
