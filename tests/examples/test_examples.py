"""The four example services do what their names promise: strangers get in at the careless, nowhere at the hardened."""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from starlette.testclient import TestClient
from werkzeug.security import generate_password_hash

from ostiary.guard.admin import Admin

EXAMPLES = Path(__file__).parents[2] / "examples"
PEPPER = "a pepper of the tests, and of nobody else"
SECRET = "s" * 40
PASSWORD = "correct horse"
SALT = "5a" * 16
SCRYPT_HASH = hashlib.scrypt(PASSWORD.encode(), salt=bytes.fromhex(SALT), n=2**14, r=8, p=1).hex()
WERKZEUG_HASH = generate_password_hash(PASSWORD)
LOGIN = {"flask": "json", "fastapi": "data"}
Load = Callable[[str, str], Any]
FORGED = jwt.encode({"sub": "mallory"}, "m" * 40, algorithm="HS256")


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Imports ``module`` of one example afresh; its modules are forgotten afterwards, so that names may repeat."""
    before = set(sys.modules)

    def import_fresh(example: str, module: str) -> Any:
        monkeypatch.syspath_prepend(str(EXAMPLES / example))
        return importlib.import_module(module)

    yield import_fresh
    for name in set(sys.modules) - before:
        if str(EXAMPLES) in str(getattr(sys.modules[name], "__file__", None)):
            del sys.modules[name]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """What both hardened services ask of their environment."""
    people = {"ada": True, "grace": False}
    customers = [{"name": name, "password_hash": WERKZEUG_HASH, "staff": staff} for name, staff in people.items()]
    users = [{"name": name, "salt": SALT, "password_hash": SCRYPT_HASH, "staff": staff} for name, staff in people.items()]
    (tmp_path / "customers.json").write_text(json.dumps(customers))
    (tmp_path / "users.json").write_text(json.dumps(users))
    common = {"TOKEN_SECRET": SECRET, "ORIGINS": "https://shop.example"}
    values = {f"{service}_{name}": value for service in ("BOOKSHOP", "ORDERS") for name, value in common.items()}
    values["BOOKSHOP_CUSTOMERS_FILE"] = str(tmp_path / "customers.json")
    values |= {"ORDERS_USERS_FILE": str(tmp_path / "users.json"), "ORDERS_HOSTS": "shop.test"}
    values |= {"OSTIARY_STORE": f"sqlite:///{tmp_path / 'ostiary.db'}", "OSTIARY_PEPPER": PEPPER}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


def flask_client(app: Any) -> httpx.Client:
    return httpx.Client(transport=httpx.WSGITransport(app=app), base_url="https://shop.test")


@pytest.fixture(params=["flask", "fastapi"])
def framework(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def careless(framework: str, load: Load, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the careless service as it comes out of a checkout: none of its variables is set."""
    for name in ("PARTNER_KEY", "ADMIN_TOKEN", "ADMIN_KEY"):
        monkeypatch.delenv(name, raising=False)
    if framework == "flask":
        return flask_client(load("careless_flask", "app").app)
    return TestClient(load("careless_fastapi", "app.main").app)


@pytest.fixture
def hardened(framework: str, load: Load, environment: dict[str, str]) -> Any:
    """A client of the hardened service."""
    if framework == "flask":
        return flask_client(load("hardened_flask", "bookshop").create_app())
    return TestClient(load("hardened_fastapi", "app.main").app, base_url="https://shop.test")


@pytest.fixture
def partner(environment: dict[str, str], framework: str) -> str:
    """A partner's key that may read and not write."""
    admin = Admin.open(environment["OSTIARY_STORE"], create=True)
    scope = "stock:read" if framework == "flask" else "prices:read"
    return admin.keyring.create(name="wholesale", scopes=[scope])[1]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def log_in(client: Any, framework: str, name: str = "ada", password: str = PASSWORD) -> Any:
    form = {"name" if framework == "flask" else "username": name, "password": password}
    return client.post("/api/v1/login", **{LOGIN[framework]: form})


def token_of(client: Any, framework: str, name: str) -> str:
    answer = log_in(client, framework, name).json()
    return str(answer.get("token") or answer["access_token"])


PARTNER_FEED = {"flask": "/api/v1/partners/stock", "fastapi": "/api/v1/partners/prices"}
CUSTOMER_ROUTES = [("GET", "/orders"), ("POST", "/orders"), ("GET", "/orders/1"), ("DELETE", "/orders/1"), ("GET", "/admin/orders")]


class TestCareless:
    def test_reads_orders_to_strangers(self, careless: Any) -> None:
        """Nobody is asked who they are before an order is shown."""
        assert careless.get("/orders/1").json()["id"] == 1

    def test_takes_any_key(self, careless: Any) -> None:
        """The key is demanded and never compared."""
        assert careless.get("/orders").status_code == 401
        assert careless.get("/orders", headers={"X-API-Key": "junk"}).status_code == 200

    def test_takes_forged_tokens(self, careless: Any, framework: str) -> None:
        """A token signed with anybody's secret places an order."""
        body = {"book": 1} if framework == "flask" else {"item": 1}
        assert careless.post("/orders", json=body, headers=bearer(FORGED)).status_code == 201

    def test_opens_the_back_office_when_unset(self, careless: Any, framework: str) -> None:
        """With no admin token in the environment, no admin token is right."""
        assert careless.get("/admin/customers" if framework == "flask" else "/admin/settings").status_code == 200

    def test_opens_the_partner_feed_when_unset(self, careless: Any, framework: str) -> None:
        """With no partner key in the environment, the empty one is right."""
        assert careless.get("/partners/stock" if framework == "flask" else "/partners/sales").status_code == 200

    def test_hands_out_a_server_secret(self, careless: Any, framework: str) -> None:
        """A key of the service's own supplier is in an answer."""
        answer = careless.get("/partners/checkout-settings" if framework == "flask" else "/admin/settings").json()
        assert any("_live_" in str(value) for value in answer.values())

    def test_shows_its_stack(self, careless: Any, framework: str) -> None:
        """A failure is answered with the trace."""
        body = {"no": "book"} if framework == "flask" else {"item": 99}
        assert "Traceback" in careless.post("/orders", json=body, headers=bearer(FORGED)).text

    def test_lets_passwords_be_guessed(self, careless: Any, framework: str) -> None:
        """The thirtieth wrong password is answered like the first."""
        form = {"name": "ada", "username": "ada", "password": "wrong"}
        assert {careless.post("/login", **{LOGIN[framework]: form}).status_code for _ in range(30)} == {401}

    def test_reflects_any_origin(self, careless: Any) -> None:
        """A page of any site may read answers with the visitor's cookies."""
        answer = careless.get("/health", headers={"Origin": "https://evil.example", "Cookie": "session=1"})
        assert answer.headers["access-control-allow-origin"] in ("*", "https://evil.example")
        assert answer.headers["access-control-allow-credentials"] == "true"


class TestHardened:
    @pytest.mark.parametrize(("method", "path"), CUSTOMER_ROUTES)
    def test_refuses_strangers(self, hardened: Any, partner: str, method: str, path: str) -> None:
        """No token, junk, a forged token and another kind of credential are all 401, before the body is looked at."""
        given = [{}, bearer("junk"), bearer(FORGED), {"X-API-Key": partner}, {"Authorization": "Basic YTpi"}]
        assert [hardened.request(method, f"/api/v1{path}", headers=one).status_code for one in given] == [401] * 5

    def test_refuses_tokens_without_expiry(self, hardened: Any, framework: str) -> None:
        """A well-signed token that never ends is not one of ours."""
        name = "bookshop" if framework == "flask" else "orders"
        endless = jwt.encode({"sub": "ada", "iss": name, "aud": name}, SECRET, algorithm="HS256")
        assert hardened.get("/api/v1/orders", headers=bearer(endless)).status_code == 401

    def test_refuses_partners_without_the_key(self, hardened: Any, partner: str, framework: str) -> None:
        """No key, an empty and a wrong one are 401; the right one is 200."""
        given = [{}, {"X-API-Key": ""}, {"X-API-Key": "junk"}, {"X-API-Key": partner}]
        assert [hardened.get(PARTNER_FEED[framework], headers=one).status_code for one in given] == [401, 401, 401, 200]

    def test_holds_partners_to_their_scopes(self, hardened: Any, partner: str, framework: str) -> None:
        """A key that may read is 403 where something is written."""
        answer = hardened.put(f"{PARTNER_FEED[framework]}/1", json={"stock": 1, "price": 1}, headers={"X-API-Key": partner})
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")

    def test_limits_partners(self, hardened: Any, partner: str, framework: str) -> None:
        """The sixth call of a minute is 429."""
        assert [hardened.get(PARTNER_FEED[framework], headers={"X-API-Key": partner}).status_code for _ in range(6)] == [200] * 5 + [429]

    def test_keeps_orders_apart(self, hardened: Any, framework: str) -> None:
        """A customer orders, sees and removes the order; to another customer it does not exist."""
        ada, grace = (bearer(token_of(hardened, framework, name)) for name in ("ada", "grace"))
        body = {"book" if framework == "flask" else "item": 1}
        order = hardened.post("/api/v1/orders", json=body, headers=ada)
        place = f"/api/v1/orders/{order.json()['id']}"
        assert order.status_code == 201
        assert [hardened.get(place, headers=who).status_code for who in (grace, ada)] == [404, 200]
        assert [hardened.delete(place, headers=who).status_code for who in (grace, ada)] == [404, 204]

    def test_keeps_the_back_office_to_staff(self, hardened: Any, framework: str) -> None:
        """A customer's own token is 403 there, a member of staff is served."""
        tokens = (token_of(hardened, framework, name) for name in ("grace", "ada"))
        assert [hardened.get("/api/v1/admin/orders", headers=bearer(token)).status_code for token in tokens] == [403, 200]

    def test_limits_login(self, hardened: Any, framework: str) -> None:
        """Five tries a minute; the sixth is 429, with the right password too."""
        tries = [log_in(hardened, framework, password="wrong").status_code for _ in range(5)]
        assert [*tries, log_in(hardened, framework).status_code] == [401, 401, 401, 401, 401, 429]

    @pytest.mark.parametrize("path", ["/health", "catalogue"])
    def test_limits_what_is_public(self, hardened: Any, framework: str, path: str) -> None:
        """The sixty-first call of a minute to a public route is 429."""
        public = f"/api/v1{path}" if path == "/health" else {"flask": "/api/v1/books", "fastapi": "/api/v1/items"}[framework]
        assert [hardened.get(public).status_code for _ in range(61)] == [200] * 60 + [429]

    def test_admits_only_its_own_origin(self, hardened: Any) -> None:
        """Another site's page is not allowed to read an answer."""
        allowed = [
            hardened.get("/api/v1/health", headers={"Origin": origin}) for origin in ("https://shop.example", "https://evil.example")
        ]
        assert [answer.headers.get("access-control-allow-origin") for answer in allowed] == ["https://shop.example", None]


@pytest.mark.parametrize("missing", ["TOKEN_SECRET", "ORIGINS"])
@pytest.mark.parametrize("value", ["", "  "])
def test_hardened_refuse_to_start_without_their_settings(
    framework: str, load: Load, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, missing: str, value: str
) -> None:
    """A missing or empty setting stops the start and is named."""
    variable = f"{'BOOKSHOP' if framework == 'flask' else 'ORDERS'}_{missing}"
    monkeypatch.setenv(variable, value)
    with pytest.raises(RuntimeError, match=variable):
        start(framework, load)


def start(framework: str, load: Load) -> None:
    if framework == "flask":
        load("hardened_flask", "bookshop").create_app()
    else:
        load("hardened_fastapi", "app.main")
