from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, WebSocket
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from extra import child, widgets
from ostiary.fastapi import Guard, delegated, limit, public, require, static

app = FastAPI()
router = APIRouter(prefix="/shop")
deep = APIRouter(prefix="/deep")
TOKENS = {"u-1": "ada"}


def current_user(authorization: Annotated[str | None, Header()] = None) -> str:
    name = TOKENS.get((authorization or "").removeprefix("Bearer "))
    if name is None:
        raise HTTPException(401)
    return name


def somebody(name: Annotated[str, Depends(current_user)]) -> str:
    return name


users_only = delegated(current_user, lambda name: name)


@app.get("/undeclared")
def undeclared():
    return 1


@app.get("/below")
@require("orders:read")
def below():
    return 1


@require("orders:read")
@app.get("/above")
async def above():
    return 1


@app.get("/public")
@limit("3 per minute")
@public("a shop window")
def shown():
    return 1


@app.get("/mine")
@users_only
def mine(name: Annotated[str, Depends(somebody)]):
    return name


@app.get("/mine/forgotten")
@users_only
def forgotten():
    return 1


@app.get("/mine/public", dependencies=[Depends(current_user)])
@public("the guard lets everybody pass, the dependency does not")
def not_public():
    return 1


@router.get("/items")
def items():
    return []


@router.get("/window")
@public("a shop window")
def window():
    return []


@deep.post("/items")
@require("items:write")
def write():
    return 1


@deep.get("/news/{year}")
def news(year: int):
    return year


@deep.websocket("/talk")
@require("talk")
async def talk(socket: WebSocket):
    await said(socket, "talk")


@app.websocket("/open-talk")
@public("a chat for everybody")
async def open_talk(socket: WebSocket):
    await said(socket, "open")


@app.websocket("/undeclared-talk")
async def undeclared_talk(socket: WebSocket):
    await said(socket, "never")


async def said(socket: WebSocket, text: str):
    await socket.accept()
    await socket.send_text(text)
    await socket.close()


async def page(request):
    return PlainTextResponse("page")


router.include_router(deep)
app.include_router(router, prefix="/v1")
app.include_router(widgets)
app.mount("/child", child)
app.mount("/old", Starlette(routes=[Mount("/pages", routes=[Route("/plain", page), Route("/news/{year:int}", page)])]))
app.mount("/static", StaticFiles(directory=".", check_dir=False))

# It may come last: whatever is there, and whatever is added later, is behind it.
guard = Guard(
    app,
    store="memory://",
    keys=static("API_KEY"),
    https="off",
    policy_file=None,
    failures=None,
    limits="6 per minute",
    routes={
        "/static/**": "style sheets",
        "/openapi.json": "partners write clients with it",
        "GET /v1/**/news/*": "the newspaper",
        "/old/pages/news/*": "the newspaper",
        "/old/**": require("old:read"),
    },
)
