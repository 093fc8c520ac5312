from fastapi import APIRouter

router = APIRouter()


@router.get("/")
def books():
    return []


@router.get("/{isbn}")
def book(isbn: str):
    return isbn
