"""A studio's booking API that tells what went wrong, to everybody."""

import traceback

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, PlainTextResponse

app = FastAPI()


@app.post("/bookings")
def book(body: dict):
    try:
        return app.state.studio.book(body)
    except Exception as exc:
        raise HTTPException(status_code=500, detail=str(exc)) from exc  # expect: stack-trace-exposure


@app.get("/bookings/{number}")
async def show(number: int):
    try:
        return await app.state.studio.booking(number)
    except Exception as exc:
        return {"error": f"{type(exc).__name__}: {exc}"}  # expect: stack-trace-exposure


@app.delete("/bookings/{number}")
def cancel(number: int):
    try:
        app.state.studio.cancel(number)
    except Exception:
        return JSONResponse({"trace": traceback.format_exc().splitlines()}, status_code=500)  # expect: stack-trace-exposure
    return {"cancelled": True}


@app.exception_handler(Exception)
async def failed(request: Request, exc: Exception):
    return PlainTextResponse(str(exc), status_code=500)  # expect: stack-trace-exposure


@app.middleware("http")
async def guard(request: Request, call_next):
    try:
        return await call_next(request)
    except Exception as error:
        return JSONResponse({"detail": repr(error)}, 500)  # expect: stack-trace-exposure
