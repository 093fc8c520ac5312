from fastapi import APIRouter, Depends

from ..auth import signed_in, staff
from . import books, orders
from .loans import router as loans_router

api_router = APIRouter()
v1 = APIRouter(prefix="/v1")
v1.include_router(books.router, prefix="/books", tags=["books"])
v1.include_router(orders.router, prefix="/orders", dependencies=[Depends(signed_in)])
v1.include_router(loans_router)
api_router.include_router(v1)
# The same router once more, for staff only.
api_router.include_router(books.router, prefix="/staff/books", dependencies=[Depends(staff)])
