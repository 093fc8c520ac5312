from typing import Annotated

from fastapi import APIRouter, Cookie, Depends, FastAPI, WebSocket, WebSocketException, status

app = FastAPI()
router = APIRouter(prefix="/rooms")
SESSIONS = {"w-1": "ada"}


async def session_of(websocket: WebSocket, session: Annotated[str | None, Cookie()] = None) -> str:
    if session not in SESSIONS:
        raise WebSocketException(code=status.WS_1008_POLICY_VIOLATION)
    return SESSIONS[session]


async def talk(websocket: WebSocket, text: str):
    await websocket.accept()
    await websocket.send_text(text)
    await websocket.close()


@app.websocket("/open")
async def anybody(websocket: WebSocket):
    await talk(websocket, "open")


@app.websocket("/closed")
async def members(websocket: WebSocket, name: str = Depends(session_of)):
    await talk(websocket, name)


@router.websocket("/{room}")
async def room(websocket: WebSocket, room: str):
    if websocket.headers.get("X-API-Key") != "wr-1":
        await websocket.close(code=4401)
        return
    await talk(websocket, room)


app.include_router(router, prefix="/ws", dependencies=[])
app.include_router(APIRouter(), prefix="/none")
