from fastapi import APIRouter, Request

from limits_setup import limiter

router = APIRouter()


@router.get("/own")
@limiter.limit("3/minute")
def own(request: Request):
    return "own"


@router.get("/two")
@limiter.limit("4/minute")
@limiter.limit("6/hour")
def two(request: Request):
    return "two"


@router.get("/none")
def none():
    return "none"
