from fastapi import HTTPException, Request

KEY = "rd-9"


def strict(request: Request):
    if request.headers.get("X-API-Key") != KEY:
        raise HTTPException(401)
