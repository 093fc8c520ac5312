from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute

from ostiary.starlette import Guard, public, require, static


async def undeclared(request):
    return PlainTextResponse("never")


@require("orders:read")
async def orders(request):
    return PlainTextResponse("orders")


@public("a shop window", limits="3 per minute")
async def window(request):
    return PlainTextResponse("window")


@public("a greeting")
async def greet(socket):
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


async def whisper(socket):
    await socket.accept()
    await socket.send_text("never")
    await socket.close()


@require("basket:read")
class Basket(HTTPEndpoint):
    async def get(self, request):
        return PlainTextResponse("basket")

    @public("an empty one for everybody")
    async def post(self, request):
        return PlainTextResponse("made")


async def raw(scope, receive, send):
    await PlainTextResponse("raw")(scope, receive, send)


app = Starlette(
    routes=[
        Route("/undeclared", undeclared),
        Route("/orders", orders),
        Route("/window", window),
        Route("/by-hand", require("orders:read")(lambda request: PlainTextResponse("by hand"))),
        Route("/basket", Basket),
        WebSocketRoute("/greet", greet),
        WebSocketRoute("/whisper", whisper),
        Mount("/outer", routes=[Route("/orders", orders), Mount("/inner", app=Starlette(routes=[Route("/{name}", undeclared)]))]),
        Mount("/raw", raw),
    ]
)
guard = Guard(
    store="memory://",
    keys=static("API_KEY"),
    https="off",
    policy_file=None,
    failures=None,
    routes={"/outer/inner/*": public("names are no secret", limits="4 per minute")},
)
guard.init_app(app)
