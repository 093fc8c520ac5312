from fastapi import APIRouter, Depends, HTTPException, Request


def user_of(request: Request) -> str:
    if request.headers.get("Authorization") != "Bearer co-1":
        raise HTTPException(401)
    return "ada"


class Controller:
    prefix = ""
    guards = ()

    def __init__(self):
        self.router = APIRouter(prefix=self.prefix, dependencies=[Depends(guard) for guard in self.guards])
        self.router.add_api_route("/", self.index, methods=["GET"])
        for path, handler, methods in self.routes():
            self.router.add_api_route(path, handler, methods=methods)

    def routes(self):
        return []

    def index(self):
        return self.prefix


class BookController(Controller):
    prefix = "/books"

    def routes(self):
        return [("/{isbn}", self.show, ["GET"]), ("/{isbn}", self.drop, ["DELETE"])]

    def show(self, isbn: str):
        return isbn

    def drop(self, isbn: str, user: str = Depends(user_of)):
        return isbn


class OrderController(Controller):
    prefix = "/orders"
    guards = (user_of,)

    def routes(self):
        return [("/{number}", self.show, ["GET", "PUT"])]

    def show(self, number: int):
        return number
