from fastapi import APIRouter, FastAPI, Request
from slowapi import Limiter, _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded
from slowapi.middleware import SlowAPIMiddleware
from slowapi.util import get_remote_address

limiter = Limiter(key_func=get_remote_address, default_limits=["6/minute"])
app = FastAPI()
app.state.limiter = limiter
app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)
app.add_middleware(SlowAPIMiddleware)
router = APIRouter(prefix="/r")


@app.get("/default")
def default():
    return "default"


@app.get("/own")
@limiter.limit("3/minute")
def own(request: Request):
    return "own"


@app.get("/exempt")
@limiter.exempt
def exempt(request: Request):
    return "exempt"


# Above the route: the name is taken for limited, the function that is served is not.
@limiter.limit("2/minute")
@app.get("/above")
def above(request: Request):
    return "above"


@router.get("/default")
def inner():
    return "inner"


@router.get("/own")
@limiter.limit("4/minute")
async def inner_own(request: Request):
    return "own"


app.include_router(router)
