from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI

from ostiary.fastapi import Guard, Principal, limit, public, static

app = FastAPI(openapi_url=None)
guard = Guard(app, store="memory://", keys=static("API_KEY"), https="off", policy_file=None, failures=None)
Reader = Annotated[Principal, guard.requires("orders:read")]
reports = APIRouter(prefix="/reports", dependencies=[guard.requires("reports:read")])
team = APIRouter(prefix="/team")
loose = APIRouter(prefix="/loose")


def buyer(who: Annotated[Principal, guard.requires("orders:write", limit="5/minute")]) -> str:
    return who.subject


@app.get("/annotated")
def annotated(who: Reader):
    return who.subject


@app.get("/default")
def default(who: Principal = guard.requires()):
    return who.subject


@app.get("/nested")
def nested(subject: Annotated[str, Depends(buyer)]):
    return subject


@app.get("/listed", dependencies=[guard.requires("a", any_of=["b", "c"])])
def listed():
    return 1


@reports.get("/daily")
def daily():
    return 1


@reports.get("/yearly/{year}")
@limit("2 per minute")
def yearly(year: int, who: Reader):
    return year


@reports.get("/summary")
@public("a summary for everybody, whatever the router says")
def summary():
    return 1


@team.get("/members")
def members():
    return []


@loose.get("/undeclared")
def undeclared():
    return 1


reports.include_router(team)
app.include_router(reports)
app.include_router(team, prefix="/again", dependencies=[guard.requires("team:read")])
app.include_router(loose)
