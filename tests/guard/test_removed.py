"""What was taken out of an answer is in its event, as place and pattern (LEAK-5)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.guard.sites import Site


def leak(site: Site, text: str) -> None:
    """Adds a route that answers with this text, in body and header."""
    if site.framework == "flask":
        from ostiary.flask import require as flask_require

        site.app.add_url_rule("/leak", "leak", flask_require()(lambda: (text, {"X-Debug": text})))
        return
    from starlette.responses import PlainTextResponse

    from ostiary.fastapi import require

    site.app.add_api_route("/leak", require()(lambda: PlainTextResponse(text, headers={"X-Debug": text})), methods=["GET"])


@pytest.mark.parametrize("own", [True, False])
def test_what_was_removed_is_recorded_and_not_its_value(make: Callable[..., Site], own: bool) -> None:
    """The presented key, or another of our form; an answer without a secret has no such note."""
    site = make()
    key = site.mint("orders:read")
    told = key if own else site.mint()
    leak(site, f"debug {told}")
    reply = site.ask("/leak", key)
    assert (reply.status, told.encode() in reply.body) == (200, False)
    assert site.ask("/api/v1/orders", key).status == 200
    first, second = site.events()
    families = "credential), body (key" if own else "key"
    assert (first.note, second.note) == (f"removed from the answer: header x-debug, body ({families})", "")
    assert told[20:] not in repr(first)
