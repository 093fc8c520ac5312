from fastapi import Depends, HTTPException, Request

KEYS = {"l-1"}


def count_call(request: Request):
    request.state.calls = 1


def need_key(request: Request):
    if request.headers.get("X-API-Key") not in KEYS:
        raise HTTPException(401)


BASE = [Depends(count_call)]
PRIVATE = BASE + [Depends(need_key)]


def with_scope(scope):
    def check(request: Request):
        if (request.headers.get("X-API-Key"), scope) != ("l-1", "books"):
            raise HTTPException(403)

    return [Depends(check)]
