"""Three small services."""

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Route

VERBOSE = True
app = FastAPI(title="Orders", debug=True)  # expect: debug-mode
internal = FastAPI(debug=VERBOSE)  # expect: debug-mode
status = Starlette(  # expect: debug-mode
    debug=True,
    routes=[Route("/", lambda request: None)],
)
app.mount("/internal", internal)
app.mount("/status", status)


@app.get("/orders")
def orders():
    return []
