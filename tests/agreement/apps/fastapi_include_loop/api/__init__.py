from fastapi import FastAPI

from api import books, orders, status
from api.auth import member

PUBLIC = [status, books]
PRIVATE = [("orders", orders.router), ("returns", orders.returns)]


def create_app() -> FastAPI:
    app = FastAPI()
    for module in PUBLIC:
        app.include_router(module.router, prefix="/api")
    for name, router in PRIVATE:
        app.include_router(router, prefix=f"/api/{name}", dependencies=[member])
    return app
