"""A studio's booking API that keeps what went wrong to itself."""

import logging
import traceback

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

logger = logging.getLogger(__name__)
app = FastAPI()


@app.post("/bookings")
def book(body: dict):
    try:
        return app.state.studio.book(body)
    except KeyError as exc:
        raise HTTPException(422, detail="a field is missing") from exc  # ok: stack-trace-exposure
    except Exception as exc:
        logger.error("booking failed: %s\n%s", exc, traceback.format_exc())
        raise HTTPException(status_code=500, detail="internal error") from exc  # ok: stack-trace-exposure


@app.exception_handler(RequestValidationError)
async def invalid(request: Request, exc: RequestValidationError):
    return JSONResponse({"detail": exc.errors()}, 422)  # ok: stack-trace-exposure


@app.exception_handler(Exception)
async def failed(request: Request, exc: Exception):
    logger.exception("failed", exc_info=exc)
    return JSONResponse({"detail": "internal error"}, status_code=500)  # ok: stack-trace-exposure


@app.exception_handler(HTTPException)
async def refused(request: Request, exc: HTTPException):
    return JSONResponse({"detail": exc.detail}, exc.status_code)  # ok: stack-trace-exposure


@app.middleware("http")
async def guard(request: Request, call_next):
    try:
        return await call_next(request)
    except Exception as error:
        request.state.error = str(error)
        return JSONResponse({"detail": "internal error"}, 500)  # ok: stack-trace-exposure
