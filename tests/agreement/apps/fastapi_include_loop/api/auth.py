from fastapi import Depends, HTTPException, Request


def _member(request: Request):
    if request.cookies.get("session") not in {"il-1", "il-2"}:
        raise HTTPException(401)


member = Depends(_member)
