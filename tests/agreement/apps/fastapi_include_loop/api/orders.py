from fastapi import APIRouter

router, returns = APIRouter(), APIRouter()


@router.get("")
@router.get("/all")
def orders():
    return []


@returns.post("/{order}")
def give_back(order: int):
    return order
