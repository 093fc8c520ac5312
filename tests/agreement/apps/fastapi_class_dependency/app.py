from typing import Annotated

from fastapi import Depends, FastAPI

from guards import Caller, Counter, RoleGuard, keyring

app = FastAPI()
for_staff = RoleGuard("staff")


@app.get("/called", dependencies=[Depends(for_staff)])
def called():
    return "called"


@app.get("/made", dependencies=[Depends(RoleGuard("reader", "staff"))])
def made():
    return "made"


@app.get("/built")
def built(caller: Caller = Depends()):
    return caller.name


@app.get("/built-too")
def built_too(caller: Annotated[Caller, Depends()]):
    return caller.name


@app.get("/method")
def method(name: str = Depends(keyring.require)):
    return name


@app.get("/counted")
def counted(counter: Counter = Depends()):
    return counter.page
