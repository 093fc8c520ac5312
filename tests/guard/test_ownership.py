"""AUTH-5: an object is its owner's (BOLA). What belongs to somebody else looks like what is not there."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, insert, select
from starlette.testclient import TestClient

from ostiary import fastapi as fastapi_guard
from ostiary import flask as flask_guard
from ostiary.errors import UsageError
from ostiary.guard.decision import Principal
from ostiary.guard.declaration import merged
from ostiary.guard.declare import delegated, require
from ostiary.guard.ownership import Owned, check, mine, owned
from ostiary.guard.request import Request
from tests.guard.delegating import QUIET
from tests.guard.sites import Site

Make = Callable[..., Site]
ORDER = "/api/v1/orders/{order_id}"
ORDERS = {"1": {"id": 1, "owner_id": "ann", "tenant_id": 7}, "2": {"id": 2, "owner_id": "bob", "tenant_id": 8}}


def load(order_id: str) -> Any:
    return ORDERS.get(order_id)


async def load_later(order_id: str) -> Any:
    await asyncio.sleep(0)
    return ORDERS.get(order_id)


def keys(site: Site) -> dict[str, str]:
    return {name: site.mint("orders:read", owner=name) for name in ("ann", "bob")}


def test_a_parameter_may_have_to_be_the_caller(make: Make) -> None:
    """Hers is reached, his is 404; the handler runs once."""
    site = make(routes={ORDER: require(owner="order_id")})
    found = {name: site.ask(f"/api/v1/orders/{name}", keys(site)["ann"]).status for name in ("ann", "bob", "Ann", "ann%20")}
    assert found == {"ann": 200, "bob": 404, "Ann": 404, "ann%20": 404}
    assert site.reached == ["order"]
    assert [event.reason for event in site.events()] == ["", "owner", "owner", "owner"]


@pytest.mark.parametrize("loader", [load, load_later])
def test_an_object_is_loaded_once_and_compared(make: Make, loader: Any) -> None:
    """By a sync or an async function; the handler has what it gave."""
    asked = []

    def counting(order_id: str) -> Any:
        asked.append(order_id)
        return loader(order_id)

    async def counting_later(order_id: str) -> Any:
        asked.append(order_id)
        return await loader(order_id)

    site = make(routes={ORDER: require(owner=counting if loader is load else counting_later)})
    ann = keys(site)["ann"]
    assert [site.ask(f"/api/v1/orders/{number}", ann).status for number in "12"] == [200, 404]
    assert asked == ["1", "2"]
    assert site.reached == ["order"]


def test_somebody_else_s_object_looks_as_a_missing_one_does(make: Make) -> None:
    """Status, header names and body but for the id of the request; the record tells them apart."""
    site = make(routes={ORDER: require(owner=load)})
    ann = keys(site)["ann"]
    other, missing = (site.ask(f"/api/v1/orders/{number}", ann) for number in ("2", "3"))
    assert (other.status, other.names) == (missing.status, missing.names) == (404, other.names)
    assert [re.sub(rb'"request_id":"\w+"', b"", reply.body) for reply in (other, missing)] == [
        b'{"type":"about:blank","title":"Not Found","status":404,"code":"not_found",}'
    ] * 2
    assert [event.reason for event in site.events()] == ["owner", "object_missing"]


def test_403_where_it_is_wanted(make: Make) -> None:
    """For a service whose ids are no secret. A missing one then is, too: the two stay alike."""
    site = make(routes={ORDER: require(owner=owned(load, status=403))})
    assert [site.ask(f"/api/v1/orders/{number}", keys(site)["ann"]).status for number in "23"] == [403, 403]


def test_a_scope_may_open_what_is_others(make: Make) -> None:
    """``unless``: who holds it reaches every object, and no missing one."""
    site = make(routes={ORDER: require(owner=owned(load, unless="orders:admin"))})
    admin = site.mint("orders:read", "orders:admin", owner="root")
    assert [site.ask(f"/api/v1/orders/{number}", admin).status for number in "123"] == [200, 200, 404]


def test_an_object_is_its_tenant_s(make: Make) -> None:
    """The tenant stands in the key's metadata; a key without one reaches nothing. Owner and tenant must both be right."""
    site = make(routes={ORDER: require(owner=owned(load, tenant="tenant_id"))})
    found = {}
    for owner, tenant in (("ann", "7"), ("ann", "8"), ("bob", "7"), ("ann", None)):
        key = site.mint("orders:read", owner=owner, metadata={} if tenant is None else {"tenant": tenant})
        found[owner, tenant] = site.ask("/api/v1/orders/1", key).status
    assert found == {("ann", "7"): 200, ("ann", "8"): 404, ("bob", "7"): 404, ("ann", None): 404}


def test_scopes_and_limits_come_first(make: Make) -> None:
    """A caller without the scope, or over the limit, does not make the guard load anything."""
    asked = []
    site = make(routes={ORDER: require(owner=lambda order_id: asked.append(order_id), limits="1 per minute")})
    poor, rich = site.mint("other:read", owner="ann"), keys(site)["ann"]
    assert [site.ask("/api/v1/orders/1", key).status for key in (poor, rich, rich)] == [403, 404, 429]
    assert asked == ["1"]


def test_a_loader_that_fails_refuses(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """503, not the object: also where what it gives has no owner at all."""

    def broken(order_id: str) -> Any:
        raise ConnectionError("the database is away")

    for loader, said in ((broken, "the database is away"), (lambda order_id: SimpleNamespace(id=1), "write owned(…, by=…)")):
        site = make(routes={ORDER: require(owner=loader)})
        assert site.ask("/api/v1/orders/1", keys(site)["ann"]).status == 503
        assert said in caplog.text
        assert site.reached == []


def test_a_loader_may_wait_without_holding_up_the_loop() -> None:
    """A sync loader of an ASGI app runs in another thread; in Flask in the thread of the request."""
    from tests.guard.sites import SITES

    for framework, same in (("fastapi", False), ("flask", True)):
        threads: list[int] = []
        site = SITES[framework](routes={ORDER: require(owner=lambda order_id: threads.append(threading.get_ident()))})  # noqa: B023
        site.ask("/api/v1/orders/1", keys(site)["ann"])
        assert (threads == [threading.get_ident()]) is same
        site.close()


def test_in_flask_whom_the_app_s_own_gate_let_in_owns_things_as_well() -> None:
    """What the gate calls its user is the owner; the handler has the object."""
    app = Flask("delegating")

    def login(view: Any) -> Any:
        return lambda **values: view(**values)

    guard = flask_guard.Guard(app, **QUIET)

    @app.get("/orders/<order_id>")
    @merged(delegated(login, lambda: "ann"), require(owner=load))
    @login
    def order(order_id: str) -> Any:
        return {"loaded": guard.loaded["id"]}

    found = [app.test_client().get(f"/orders/{number}") for number in "12"]
    assert [reply.status_code for reply in found] == [200, 404]
    assert found[0].json == {"loaded": 1}


def test_in_fastapi_whom_the_app_s_own_gate_let_in_owns_things_as_well() -> None:
    """The gate is a dependency, which tells who is calling after the route was decided."""
    app = FastAPI()
    guard = fastapi_guard.Guard(app, **QUIET, routes={"/docs": "docs", "/docs/**": "docs", "/redoc": "docs", "/openapi.json": "docs"})

    def login() -> str:
        return "ann"

    @app.get("/orders/{order_id}")
    @merged(delegated(login), require(owner=load))
    def order(order_id: str, who: str = Depends(login)) -> Any:
        return {"loaded": guard.loaded["id"]}

    with TestClient(app) as client:
        found = [client.get(f"/orders/{number}") for number in "12"]
    assert [reply.status_code for reply in found] == [200, 404]
    assert found[0].json() == {"loaded": 1}


@pytest.mark.parametrize(
    ("declaration", "said"),
    [
        (lambda: require(owner="user_id"), "owner needs user_id, which is no parameter of this path"),
        (lambda: require(owner=lambda user_id: None), "owner needs user_id"),
        (lambda: require(owner=lambda user_id, /: None), "takes its parameters by name"),
        (lambda: require(owner=5), "owner: the name of a path parameter"),
        (lambda: require(owner=""), "owner: a parameter, a loader or a tenant is needed"),
        (lambda: require(owner=owned("order_id", by="owner_id")), "a parameter has none"),
        (lambda: require(owner=owned("order_id", status=401)), "status is 404 or 403"),
        (lambda: require(owner=owned("order_id", unless="not a scope")), "scope"),
    ],
)
def test_an_owner_that_cannot_be_asked_stops_the_start(make: Make, declaration: Any, said: str) -> None:
    """Before the first call is answered."""
    with pytest.raises(UsageError, match=re.escape(said)):
        list(installed(make(routes={ORDER: declaration()})).declared())


def installed(site: Site) -> Any:
    return getattr(site.app, "extensions", {}).get("ostiary") or site.app.state.ostiary


def test_the_file_may_name_a_parameter(make: Make, tmp_path: Path) -> None:
    """``owner = "order_id"``."""
    file = tmp_path / "ostiary.toml"
    file.write_text('[[policy]]\npath = "/api/v1/orders/{order_id}"\nowner = "order_id"\n')
    site = make(policy_file=file)
    assert [site.ask(f"/api/v1/orders/{name}", keys(site)["ann"]).status for name in ("ann", "bob")] == [200, 404]


NAMES = st.sampled_from(["ann", "bob", "", "7", 7, None])


@given(NAMES, NAMES, st.sampled_from(["ann", "bob", "7"]), st.sampled_from([None, "7", "8"]), st.booleans(), st.booleans())
def test_admitted_exactly_when_owner_and_tenant_are_the_caller_s(
    owner: object, tenant: object, subject: str, mine: str | None, of_tenant: bool, admin: bool
) -> None:
    """Or when the caller holds the scope that opens all. None and "" are nobody's."""
    one = owned(lambda: None, tenant="tenant_id" if of_tenant else "", unless="all:read")
    who = Principal(subject, "api-key", scopes=("all:read",) if admin else (), attributes={} if mine is None else {"tenant": mine})
    flow = check(Request("GET", "/x", "", "", "https", "", 0.0), one, who)
    next(flow)
    try:
        flow.send({"owner_id": owner, "tenant_id": tenant})
    except StopIteration as stop:
        admitted = stop.value is None
    expected = admin or (str(owner) == subject and (not of_tenant or (mine is not None and str(tenant) == mine)))
    assert admitted == expected


def test_nobody_owns_nothing() -> None:
    """A caller without a name, and an object without an owner."""
    flow = check(Request("GET", "/x", "", "", "https", "", 0.0), Owned(parameter="id"), None)
    with pytest.raises(StopIteration) as stop:
        next(flow)
    assert stop.value.value is not None


ROWS = [(1, "ann", 7), (2, "bob", 7), (3, "ann", 8), (4, "5", 8)]


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (Principal("ann", "api-key", attributes={"tenant": "7"}), [1]),
        (Principal("ann", "api-key", attributes={"tenant": "seven"}), []),
        (Principal("ann", "api-key"), []),
        (Principal("root", "api-key", scopes=("orders:admin",)), [1, 2, 3, 4]),
        (None, []),
    ],
)
def test_a_list_holds_the_caller_s_rows_alone(who: Principal | None, expected: list[int]) -> None:
    """On a real database; whoever holds the scope sees all, nobody sees nothing."""
    orders = Table("orders", MetaData(), Column("id", Integer), Column("owner_id", String), Column("tenant_id", Integer))
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        orders.metadata.create_all(connection)
        connection.execute(insert(orders), [dict(zip(("id", "owner_id", "tenant_id"), row, strict=True)) for row in ROWS])
        asked = mine(select(orders.c.id), orders.c.owner_id, who, tenant=orders.c.tenant_id, unless="orders:admin")
        assert [row.id for row in connection.execute(asked.order_by(orders.c.id))] == expected
    engine.dispose()
