"""The orders service, as it should be. Start it with: uvicorn app.main:app"""

from fastapi import APIRouter, FastAPI
from fastapi.middleware.cors import CORSMiddleware

from app import config
from app.routers import accounts, orders
from ostiary.fastapi import Guard, public

app = FastAPI(title="Orders", docs_url=None, redoc_url=None, openapi_url=None)
# Keys, counters and events in the SQLite files that OSTIARY_STORE names; what nobody declared is refused.
guard = Guard(app, limits="60 per minute", hosts=config.HOSTS)
app.add_middleware(
    CORSMiddleware,
    allow_origins=config.ORIGINS,
    allow_methods=["GET", "POST", "PUT", "DELETE"],
    allow_headers=["Authorization", "X-API-Key"],
)

api = APIRouter(prefix="/api/v1")
for router in (accounts.router, accounts.admin, accounts.partners, orders.router):
    api.include_router(router)


@api.get("/health")
@public("the load balancer asks without a key")
def health() -> dict[str, str]:
    return {"status": "ok"}


app.include_router(api)
