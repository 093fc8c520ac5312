"""The feed for partner shops: a small app of its own, mounted under /partners."""

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware

from app import data
from app.security import partner

partner_app = FastAPI(title="Partner feed", dependencies=[Depends(partner)])
partner_app.add_middleware(CORSMiddleware, allow_origins=["*"])


@partner_app.get("/catalogue")
def catalogue():
    return list(data.ITEMS.values())


@partner_app.get("/sales")
def sales():
    return {"sold": sum(order["quantity"] for order in data.ORDERS.values())}
