"""Refusals as problem documents (RFC 9457). They say what to do and nothing about the inside: no exception text, trace or path."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

CONTENT_TYPE = "application/problem+json"


@dataclass(frozen=True)
class Problem:
    """One refusal: ``code`` for programs, ``title`` for people, ``errors`` as (JSON pointer, code), ``headers`` to send with it (Content-Type is ``CONTENT_TYPE``)."""

    status: int
    code: str
    title: str
    detail: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    errors: tuple[tuple[str, str], ...] = ()

    def body(self, request_id: str) -> bytes:
        """The document as ASCII JSON: type, title, status, detail when there is one, code, request_id."""
        if request_id.isascii() and request_id.isalnum():
            return self._until_id + request_id.encode() + b'"}'
        return self._document(request_id)

    @cached_property
    def _until_id(self) -> bytes:
        return self._document("").removesuffix(b'"}')

    def _document(self, request_id: str) -> bytes:
        document: dict[str, object] = {"type": "about:blank", "title": self.title, "status": self.status}
        if self.detail:
            document["detail"] = self.detail
        document["code"] = self.code
        if self.errors:
            document["errors"] = [{"pointer": pointer, "code": code} for pointer, code in self.errors]
        document["request_id"] = request_id
        return json.dumps(document, separators=(",", ":")).encode("ascii")


# Nothing was sent: no error= (RFC 6750, 3).
UNAUTHENTICATED = Problem(
    401,
    "unauthenticated",
    "Unauthorized",
    "Send a valid key in X-API-Key or in Authorization: Bearer.",
    (("WWW-Authenticate", "Bearer"),),
)
INSUFFICIENT_SCOPE = Problem(
    403,
    "insufficient_scope",
    "Forbidden",
    "The credential is valid, but does not hold the scope that this route needs.",
    (("WWW-Authenticate", 'Bearer error="insufficient_scope"'),),
)
BEARER, BASIC = "Bearer", 'Basic realm="api", charset="UTF-8"'
ORIGIN = Problem(403, "origin_not_allowed", "Forbidden", "This credential may be used from other origins only.")
UNDECLARED = Problem(403, "forbidden", "Forbidden")
NETWORK = Problem(403, "network_not_allowed", "Forbidden", "This network may not call here.")
HTTPS_REQUIRED = Problem(403, "https_required", "Forbidden", "Call over HTTPS. A credential that was sent in clear should be replaced.")
FORGED = Problem(403, "cross_site", "Forbidden", "A page of another site may not make this call in a browser's name.")
NOT_FOUND = Problem(404, "not_found", "Not Found")
NOT_YOURS = Problem(403, "not_yours", "Forbidden", "This belongs to somebody else.")
BAD_CREDENTIALS_FORM = Problem(
    400, "bad_credentials_form", "Bad Request", "Send exactly one credential, in one header: X-API-Key or Authorization."
)
SIGNATURE = Problem(
    401, "signature_required", "Unauthorized", "Send the request signed, as Accept-Signature says.", (("WWW-Authenticate", "Signature"),)
)
BAD_SIGNATURE_FORM = Problem(
    400,
    "bad_signature_form",
    "Bad Request",
    "Send exactly one signature, in the form of RFC 9421 or of the simple scheme, and no other credential.",
)
WEBHOOK = Problem(
    401,
    "webhook_unverified",
    "Unauthorized",
    "This delivery is not signed as it should be, or came before.",
    (("WWW-Authenticate", "Signature"),),
)
MEDIA_TYPE = Problem(415, "media_type", "Unsupported Media Type", "Send one of the media types that Accept names, in UTF-8.")
CONTENT_MISSING = Problem(422, "content_missing", "Unprocessable Content", "This route needs a body.")
BAD_JSON = Problem(
    400, "bad_json", "Bad Request", "Send one JSON text: no name twice, no NaN, not nested too deep, UTF-8 without a byte order mark."
)
NOT_VALID = Problem(422, "not_valid", "Unprocessable Content", "The body does not fit what this route expects.")
CONTENT_TOO_LARGE = Problem(413, "content_too_large", "Content Too Large", "A request to this route has to be smaller.")
CONTENT_TOO_SLOW = Problem(408, "content_too_slow", "Request Timeout", headers=(("Connection", "close"),))
CONTENT_BROKEN = Problem(400, "content_broken", "Bad Request", "The content did not arrive as it was announced.")
KEY_IN_QUERY = Problem(
    400, "key_in_query", "Bad Request", "Keys in a URL end up in logs. Send the key in X-API-Key or Authorization, and replace this one."
)
AMBIGUOUS_PATH = Problem(
    400, "ambiguous_path", "Bad Request", "This path can be read in more than one way. Send it exactly as it is documented."
)
METHOD_OVERRIDDEN = Problem(
    400, "method_overridden", "Bad Request", "Send the request with the method that is meant, and no header that asks for another."
)
METHOD = Problem(405, "method_not_allowed", "Method Not Allowed")
BAD_HOST = Problem(400, "bad_host", "Bad Request", "This host name is not served here.")
GONE = Problem(410, "gone", "Gone", "This version is not served any more.")
TOO_MANY = Problem(429, "too_many_requests", "Too Many Requests", "Wait for as long as Retry-After says.")
TOO_MANY_AT_ONCE = Problem(
    429, "too_many_at_once", "Too Many Requests", "Wait until one of your other calls has ended.", (("Retry-After", "1"),)
)
TIMED_OUT = Problem(503, "timed_out", "Service Unavailable", "The call took longer than it may.")
HEAD_TOO_LARGE = Problem(431, "head_too_large", "Request Header Fields Too Large")
UNSIGNED = Problem(500, "answer_unsigned", "Internal Server Error", "The answer could not be signed and was withheld.")
UNAVAILABLE = Problem(503, "unavailable", "Service Unavailable", "The call could not be checked and was refused. Try again later.")


def challenging(problem: Problem, challenges: Iterable[str], error: str = "", scopes: Iterable[str] = ()) -> Problem:
    """The same with these challenges in WWW-Authenticate; Bearer says ``error`` and ``scope`` (RFC 6750, 3)."""
    said = [f'error="{error}"'] if error else []
    said += [f'scope="{" ".join(scopes)}"'] if error == "insufficient_scope" and scopes else []
    fields = [("WWW-Authenticate", f"{one} {', '.join(said)}" if one == BEARER and said else one) for one in challenges]
    return replace(problem, headers=tuple(fields))
