"""A service with a login of its own, which the guard only watches. Annotations stand as they are: FastAPI reads them."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException

from ostiary.fastapi import Guard, delegated
from tests.guard.sites import PEPPER

QUIET = {"store": "memory://", "pepper": PEPPER, "https": "off", "policy_file": None}


def fastapi_service(kind: str = "async", **more: Any) -> Any:
    app = FastAPI()
    guard = Guard(app, **{**QUIET, "routes": dict.fromkeys(("/docs", "/docs/**", "/redoc", "/openapi.json"), "docs"), **more})

    def _checked(user: str | None) -> str:
        if user is None:
            raise HTTPException(401, "who are you?")
        return user

    async def current_async(x_user: Annotated[str | None, Header()] = None) -> str:
        return _checked(x_user)

    def current_sync(x_user: Annotated[str | None, Header()] = None) -> str:
        return _checked(x_user)

    async def current_async_yield(x_user: Annotated[str | None, Header()] = None) -> Any:
        yield _checked(x_user)

    def current_sync_yield(x_user: Annotated[str | None, Header()] = None) -> Any:
        yield _checked(x_user)

    gate = {"async": current_async, "sync": current_sync, "async-yield": current_async_yield, "sync-yield": current_sync_yield}[kind]
    router = APIRouter()

    @router.get("/mine")
    @delegated(gate, limits="2 per minute")
    async def mine(user: Annotated[str, Depends(gate)]) -> dict[str, Any]:
        return {"user": user, "seen": guard.principal and guard.principal.subject}

    @router.get("/forgotten")
    @delegated(gate)
    async def forgotten() -> str:
        return "no gate here"

    app.include_router(router, prefix="/v1")
    return app
