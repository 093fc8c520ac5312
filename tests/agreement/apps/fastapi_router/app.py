import os
import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException


def check_key(x_api_key: Annotated[str, Header()] = ""):
    if not secrets.compare_digest(x_api_key.encode(), os.environ["ROUTER_KEY"].encode()):
        raise HTTPException(status_code=401, detail="unknown key")


items = APIRouter(prefix="/items", dependencies=[Depends(check_key)])
pages = APIRouter(prefix="/pages")


@items.get("")
def list_items():
    return []


@items.put("/{item_id}")
async def put_item(item_id: int):
    return {"id": item_id}


@pages.get("/{page:path}")
def page(page: str):
    return page


@pages.delete("/{page}", dependencies=[Depends(check_key)])
def drop(page: str):
    return page


@pages.post("/{page}")
def write(page: str, key: str = Depends(check_key)):
    return page


app = FastAPI()
app.include_router(items)
app.include_router(pages, prefix="/v1")
