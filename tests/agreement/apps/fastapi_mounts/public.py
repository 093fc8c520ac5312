from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route


async def news(request):
    return PlainTextResponse("news")


public_app = Starlette(routes=[Route("/news", news), Mount("/old", routes=[Route("/news/{year:int}", news, methods=["GET", "POST"])])])
