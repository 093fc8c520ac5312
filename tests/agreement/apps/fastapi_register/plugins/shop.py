from fastapi import APIRouter, Depends, HTTPException, Request


def setup(app, prefix=""):
    router = APIRouter(prefix=prefix)

    def key(request: Request):
        if request.headers.get("X-API-Key") != "rg-1":
            raise HTTPException(401)

    @router.get("/open")
    def everybody():
        return "open"

    @router.get("/closed", dependencies=[Depends(key)])
    def members():
        return "closed"

    app.include_router(router)
