from fastapi import APIRouter, FastAPI

from lists import BASE, PRIVATE, with_scope

app = FastAPI()
router = APIRouter(prefix="/r", dependencies=PRIVATE)
half = APIRouter(prefix="/half", dependencies=BASE)


@router.get("/a")
def a():
    return "a"


@half.get("/b")
def b():
    return "b"


@half.get("/c", dependencies=[*BASE, *PRIVATE])
def c():
    return "c"


@app.get("/d", dependencies=with_scope("books"))
def d():
    return "d"


app.include_router(router)
app.include_router(half)
app.include_router(half, prefix="/guarded", dependencies=PRIVATE)
