from fastapi import FastAPI, Request
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

feed = FastAPI()


@feed.get("/feed")
def read(request: Request):
    return request.path_params["partner"]


class PartnerGate:
    def __init__(self, app, keys):
        self.app = app
        self.keys = keys

    async def __call__(self, scope, receive, send):
        if Headers(scope=scope).get("X-API-Key") not in self.keys:
            await PlainTextResponse("who?", status_code=401)(scope, receive, send)
            return
        await self.app(scope, receive, send)


partner_app = PartnerGate(feed, keys={"mp-1"})
