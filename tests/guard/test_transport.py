"""HTTPS, hosts, and the headers of every answer (NET-3, NET-4), over both frameworks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ostiary.guard.transport import secure_cookie
from tests.guard.sites import HTTPS, SITES, Site

Make = Callable[..., Site]
HTTP = "http://api.example.test"
PAGE = [("Accept", "text/html,*/*")]
PATH = "/api/v1/orders"


# HTTPS


@pytest.mark.parametrize(
    ("method", "headers", "path", "expected"),
    [
        ("GET", PAGE, "/health", (308, f"{HTTPS}/health")),
        ("HEAD", PAGE, "/health", (308, f"{HTTPS}/health")),
        ("GET", [("Accept", "TEXT/HTML")], "/health", (308, f"{HTTPS}/health")),
        ("GET", PAGE, "/caf%C3%A9/a%20b%3Fc%23d%25", (308, f"{HTTPS}/caf%C3%A9/a%20b%3Fc%23d%25")),
        ("GET", PAGE, "/x//evil.test/%0d%0aX:y", (308, f"{HTTPS}/x//evil.test/%0D%0AX:y")),
        ("GET", [], "/health", (403, None)),
        ("GET", [("Accept", "application/json")], "/health", (403, None)),
        ("POST", PAGE, "/health", (403, None)),
        ("GET", PAGE, "/health?a=b", (403, None)),
        ("GET", [*PAGE, ("X-API-Key", "k")], PATH, (403, None)),
        ("GET", [*PAGE, ("Authorization", "Bearer k")], PATH, (403, None)),
        ("GET", [*PAGE, ("Cookie", "session=1")], PATH, (403, None)),
        ("GET", [*PAGE, ("Host", "api.example.test/@evil.test")], "/health", (403, None)),
        ("GET", [*PAGE, ("Host", "evil.test\\@x")], "/health", (403, None)),
    ],
)
def test_plain_http_is_redirected_for_pages_alone(
    make: Make, method: str, headers: list[tuple[str, str]], path: str, expected: tuple[int, str | None]
) -> None:
    """308 to the same path for a page without credential, cookie and query; 403 for all else; no handler runs."""
    site = make()
    answer = site.ask(path, method=method, headers=headers, base=HTTP)
    if answer.status == 400:  # a Host that the framework's own client refuses to send on
        assert expected[0] == 403
        return
    assert (answer.status, answer.get("location")) == expected
    assert site.reached == []
    assert answer["cache-control"] == "no-store"


def test_a_call_with_a_key_in_a_header_of_its_own_is_not_redirected(make: Make) -> None:
    """``header=`` names where keys are: a call that has one is a call with a credential."""
    site = make(header="X-My-Key")
    assert site.ask("/health", headers=[*PAGE, ("X-My-Key", "k")], base=HTTP).status == 403


@pytest.mark.parametrize(
    ("peer", "host", "status"),
    [
        ("127.0.0.1", "localhost", 200),
        ("127.0.0.1", "127.0.0.1:8000", 200),
        ("::1", "[::1]:8000", 200),
        ("127.0.0.1", "LOCALHOST.", 200),
        ("127.0.0.1", "api.example.test", 403),
        ("203.0.113.7", "localhost", 403),
        ("127.0.0.1", "localhost.evil.test", 403),
    ],
)
def test_loopback_is_exempt_when_both_ends_are(make: Make, peer: str, host: str, status: int) -> None:
    """A peer on this host that asks for this host; a proxy on this host that forwards another name is not."""
    site = make()
    assert site.ask("/health", headers=[("Host", host)], base="http://localhost", peer=peer).status == status


def test_a_proxy_on_this_host_is_no_loopback_client(make: Make) -> None:
    """With a trusted hop the client's address counts, and X-Forwarded-Host does not make it local."""
    site = make(proxies=1)
    headers = [("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-Host", "localhost"), ("Host", "localhost")]
    assert site.ask("/health", headers=headers, base="http://localhost", peer="127.0.0.1").status == 403


def test_the_scheme_is_what_the_trusted_proxy_says(make: Make) -> None:
    """``https="proxy"``: https in front is enough, http in front is not, and without trust nothing is believed."""
    site, alone = make(proxies=1, https="proxy"), make()
    for said, status in (("https", 200), ("http", 403)):
        assert site.ask("/health", headers=[("X-Forwarded-Proto", said)], base=HTTP).status == status
    assert alone.ask("/health", headers=[("X-Forwarded-Proto", "https")], base=HTTP).status == 403


def test_off_and_development_serve_plain_http(make: Make) -> None:
    """``https="off"``, and ``environment="development"`` without a word about it; there ``required`` still counts."""
    assert make(https="off").ask("/health", base=HTTP).status == 200
    assert make(environment="development").ask("/health", base=HTTP).status == 200
    assert make(environment="development", https="required").ask("/health", base=HTTP).status == 403


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("api.example.test", 200),
        ("API.EXAMPLE.TEST:443", 200),
        ("a.wild.test", 200),
        ("a.b.wild.test", 200),
        ("wild.test", 400),
        ("evilwild.test", 400),
        ("api.example.test.evil.test", 400),
        ("api.example.test@evil.test", 400),
        ("", 400),
    ],
)
def test_only_known_hosts_are_served(make: Make, host: str, status: int) -> None:
    """Exact names and whole parts under ``*.``; in any case, with any port."""
    site = make(hosts=["api.example.test", "*.wild.test"])
    answer = site.ask("/health", headers=[("Host", host)] if host else [("Host", " ")])
    assert answer.status == status
    assert site.reached == (["health"] if status == 200 else [])


# Headers


def test_hsts_is_sent_over_https_alone(make: Make) -> None:
    """On answers and refusals; never over plain HTTP; 0 sends none."""
    site = make()
    expected = "max-age=31536000; includeSubDomains"
    assert [site.ask(path)["strict-transport-security"] for path in ("/health", PATH, "/nothing")] == [expected] * 3
    assert site.ask("/health", base=HTTP).get("strict-transport-security") is None
    assert make(hsts=0).ask("/health").get("strict-transport-security") is None
    assert make(https="off").ask("/health", base=HTTP).get("strict-transport-security") is None


def test_answers_of_an_api_carry_their_headers(make: Make) -> None:
    """On 200, 401 and 404 alike; ``security_headers=False`` sends none of them."""
    for path in ("/health", PATH, "/nothing"):
        answer = make().ask(path)
        assert answer["x-content-type-options"] == "nosniff"
        assert answer["referrer-policy"] == "no-referrer"
        assert answer["x-request-id"]
        if "html" not in answer["content-type"]:
            assert answer["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    bare = make(security_headers=False).ask("/health")
    assert bare.names.isdisjoint({"x-content-type-options", "content-security-policy", "strict-transport-security"})


def test_answers_to_a_credential_are_not_kept(make: Make) -> None:
    """``no-store`` for whoever was verified or refused; an open answer without credential is the route's own matter."""
    site = make()
    key = site.mint("orders:read")
    assert [site.ask(PATH, sent).get("cache-control") for sent in (key, "junk-key", None)] == ["no-store"] * 3
    assert site.ask("/health").get("cache-control") is None


def _with_route(site: Site, headers: dict[str, str], content_type: str = "application/json") -> None:
    """A route that says headers of its own."""
    from ostiary.guard.declare import public

    if site.framework == "flask":
        from flask import Response

        site.app.add_url_rule("/own", "own", public("own")(lambda: Response("x", headers=headers, content_type=content_type)))
        return
    from starlette.requests import Request
    from starlette.responses import Response as StarletteResponse
    from starlette.routing import Route

    async def own(request: Request) -> StarletteResponse:
        return StarletteResponse("x", headers=headers, media_type=content_type)

    site.app.router.routes.append(Route("/own", public("own")(own), methods=["GET"]))


def test_the_route_s_own_word_counts(make: Make) -> None:
    """What the route has said is neither replaced nor said twice."""
    site = make()
    own = {"Content-Security-Policy": "default-src 'self'", "Referrer-Policy": "origin", "Cache-Control": "max-age=60"}
    _with_route(site, own)
    answer = site.ask("/own", "some-credential")
    for name, value in own.items():
        assert [found for key, found in answer.headers if key.lower() == name.lower()] == [value]


@pytest.mark.parametrize("content_type", ["text/html", "Text/HTML; charset=utf-8"])
def test_pages_carry_the_headers_of_pages(make: Make, content_type: str) -> None:
    """No frame around them; the policy for scripts is the page's own matter."""
    site = make()
    _with_route(site, {}, content_type)
    answer = site.ask("/own")
    assert (answer["x-frame-options"], answer.get("content-security-policy")) == ("DENY", None)


def test_banners_are_taken_off(make: Make) -> None:
    """``Server`` and ``X-Powered-By`` of the app do not leave."""
    site = make()
    _with_route(site, {"Server": "shop/1.2", "X-Powered-By": "snakes"})
    assert site.ask("/own").names.isdisjoint({"server", "x-powered-by"})


def test_cookies_are_secured_on_the_way_out(make: Make) -> None:
    """Secure over HTTPS, SameSite and HttpOnly where they are missing."""
    site = make(https="off")
    _with_route(site, {"Set-Cookie": "session=1; Path=/"})
    assert site.ask("/own")["set-cookie"] == "session=1; Path=/; Secure; SameSite=Lax; HttpOnly"
    assert site.ask("/own", base=HTTP)["set-cookie"] == "session=1; Path=/; SameSite=Lax; HttpOnly"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a=1", "a=1; Secure; SameSite=Lax; HttpOnly"),
        ("a=1; secure; HTTPONLY; samesite=None", "a=1; secure; HTTPONLY; samesite=None"),
        ("a=1;SameSite=Strict", "a=1;SameSite=Strict; Secure; HttpOnly"),
        ("csrftoken=1", "csrftoken=1; Secure; SameSite=Lax"),
        ("XSRF-TOKEN=1", "XSRF-TOKEN=1; Secure; SameSite=Lax"),
        ("a=csrf", "a=csrf; Secure; SameSite=Lax; HttpOnly"),
        ("a=secure", "a=secure; Secure; SameSite=Lax; HttpOnly"),
    ],
)
def test_a_cookie_gets_what_it_lacks(value: str, expected: str) -> None:
    """Attributes in any case are seen, values are not taken for attributes, scripts may read their token."""
    assert secure_cookie(value, secure=True) == expected


def test_both_frameworks_answer_alike() -> None:
    """The names of the headers of a refusal are the same in each."""
    found = []
    for make in SITES.values():
        site = make()
        found.append([site.ask(path).names for path in (PATH, "/undeclared")])
        site.close()
    assert found[0] == found[1]
