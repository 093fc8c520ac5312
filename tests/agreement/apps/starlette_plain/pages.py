from starlette.authentication import requires
from starlette.endpoints import HTTPEndpoint
from starlette.responses import PlainTextResponse


async def index(request):
    return PlainTextResponse(f"hello {request.user.display_name}")


@requires("authenticated")
async def me(request):
    return PlainTextResponse(request.user.display_name)


@requires(["authenticated", "admin"], status_code=403)
def report(request):
    return PlainTextResponse("report")


class Admin(HTTPEndpoint):
    @requires("admin")
    async def get(self, request):
        return PlainTextResponse("admin")

    async def post(self, request):
        return PlainTextResponse("posted")


@requires("authenticated")
async def echo(websocket):
    await websocket.accept()
    await websocket.send_text("echo")
    await websocket.close()
