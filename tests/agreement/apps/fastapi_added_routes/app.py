from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, WebSocket
from starlette.responses import PlainTextResponse
from starlette.routing import Route

app = FastAPI()
router = APIRouter(prefix="/r")


def checked(request: Request):
    if request.headers.get("X-API-Key") != "ar-1":
        raise HTTPException(401)


async def raw(request: Request):
    return PlainTextResponse("raw")


async def raw_checked(request: Request):
    checked(request)
    return PlainTextResponse("raw")


def handler(number: int = 1):
    return number


async def socket(websocket: WebSocket):
    await websocket.accept()
    await websocket.send_text("hello")
    await websocket.close()


@app.api_route("/both", methods=["GET", "POST"], dependencies=[Depends(checked)])
def both():
    return "both"


app.add_api_route("/added", handler)
app.add_api_route("/added/{number}", handler, methods=["PUT", "PATCH"], dependencies=[Depends(checked)])
app.add_route("/raw", raw, methods=["GET", "DELETE"])
app.add_route("/raw/checked", raw_checked)
app.add_api_websocket_route("/socket", socket)
router.add_api_route("/{number:int}", endpoint=handler, methods=["HEAD", "OPTIONS"])
# Only add_api_route knows the prefix of its own router.
router.add_route("/without-prefix", raw)
app.router.routes.append(Route("/appended/{rest:path}", raw))
app.router.add_api_route("/routed", handler, methods=["post"])
app.include_router(router)
