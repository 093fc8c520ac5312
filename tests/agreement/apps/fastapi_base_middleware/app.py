from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import Response

from fastapi import Request


class SessionGate(BaseHTTPMiddleware):
    def __init__(self, app, sessions):
        super().__init__(app)
        self.sessions = sessions

    async def dispatch(self, request: Request, call_next):
        user = self.sessions.get(request.cookies.get("session"))
        if user is None:
            return Response(status_code=401)
        request.state.user = user
        return await call_next(request)


app = FastAPI(middleware=[Middleware(SessionGate, sessions={"bm-1": "ada"})])


@app.get("/me")
def me(request: Request):
    return request.state.user
