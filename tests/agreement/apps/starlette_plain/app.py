from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.routing import Mount, Route, WebSocketRoute

from auth import TokenBackend
from pages import Admin, echo, index, me, report

admin_routes = [Route("/", Admin), Route("/reports/{day}", report, methods=["POST"])]
routes = [
    Route("/", index),
    Route("/me", endpoint=me),
    Mount("/admin", routes=admin_routes),
    WebSocketRoute("/echo", echo),
]
app = Starlette(routes=routes, middleware=[Middleware(AuthenticationMiddleware, backend=TokenBackend())])
