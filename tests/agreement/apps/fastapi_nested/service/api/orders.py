from fastapi import APIRouter

router = APIRouter(prefix="/mine")
lines = APIRouter(prefix="/{order}/lines")


@router.get("")
def orders():
    return []


@lines.get("/{line}")
def line(order: int, line: int):
    return line


router.include_router(lines)
