"""Client certificates that a trusted proxy has verified and hands on in Client-Cert (RFC 9440). From everybody else the header is nothing."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ostiary.errors import MissingExtra, UsageError
from ostiary.guard.ask import Flow
from ostiary.guard.authn import Answer, Refusal
from ostiary.guard.authn.presented import Malformed
from ostiary.guard.authn.proved import SECONDS, Proved
from ostiary.guard.decision import Principal
from ostiary.model import scope as scope_text

if TYPE_CHECKING:
    from ostiary.guard.network import Trust
    from ostiary.guard.request import Request

NAME = "certificate"
HEADERS = ("client-cert", "client-cert-chain")
LONGEST = 16_384
_FINGERPRINT = re.compile(r"sha256:[0-9a-f]{64}")


class ClientCertificate:
    """``Guard(proxies=1, authenticators=[ClientCertificate({"spiffe://shop/billing": ["orders:read"]})])``.

    The proxy has checked that the certificate is good; ``clients`` says whose may call, and their scopes: by a URI, DNS name or e-mail
    address of its subjectAltName, exactly as written, or by ``sha256:`` and the hex digest of the whole certificate. That name is the
    principal's subject. One that is not named is refused, and so is one that has not begun or has ended. Raises UsageError, MissingExtra.
    """

    name = NAME
    ambient = True
    automatic = True

    def __init__(self, clients: Mapping[str, Iterable[str]]) -> None:
        if not isinstance(clients, Mapping) or not clients or not all(isinstance(name, str) and name for name in clients):
            raise UsageError('ClientCertificate: names with their scopes, as in {"spiffe://shop/billing": ["orders:read"]}')
        _x509()
        self._clients = {_client(name): _scopes(name, scopes) for name, scopes in clients.items()}
        self._proved = Proved()

    def find(self, request: Request, trust: Trust) -> str:
        """The header of a trusted proxy. Raises Malformed for two, and for one that is too long."""
        found = request.header(HEADERS[0])
        if not found or not trust.vouches(request.peer):
            return ""
        if len(found) > 1 or len(found[0]) > LONGEST:
            raise Malformed
        return found[0].strip(" ")

    def prove(self, request: Request, text: str, now: float) -> Flow[Answer]:  # noqa: ARG002 the header says it all
        yield from ()
        known = self._proved.find(text, now)
        return known if known is not None else self._verified(text, now)

    def _verified(self, text: str, now: float) -> Answer:
        try:
            der = _bytes(text)
            certificate = _x509().load_der_x509_certificate(der)
            names = _names(certificate)
            begins, ends = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
        except Exception:  # noqa: BLE001 what the library says of a certificate that it cannot read has no common name
            return Refusal("certificate_form")
        if not begins <= now < ends:
            return Refusal("certificate_expired" if now >= ends else "certificate_not_yet_valid")
        name = next((one for one in (*names, "sha256:" + hashlib.sha256(der).hexdigest()) if one in self._clients), None)
        if name is None:
            return Refusal("certificate_unknown")
        who = Principal(name, NAME, scopes=self._clients[name])
        self._proved.remember(self._proved.held, text, who, min(now + SECONDS, ends))
        return who


def _bytes(text: str) -> bytes:
    """A byte sequence of RFC 8941, 3.3.5; ValueError."""
    if len(text) < 3 or text[0] != ":" or text[-1] != ":":
        raise ValueError("no byte sequence")
    try:
        return base64.b64decode(text[1:-1], validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None


def _names(certificate: Any) -> list[str]:
    x509 = _x509()
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    kinds = (x509.UniformResourceIdentifier, x509.DNSName, x509.RFC822Name)
    return [str(name) for kind in kinds for name in alternative.get_values_for_type(kind)]


def _client(name: str) -> str:
    if name.lower().startswith("sha256:") and not _FINGERPRINT.fullmatch(name):
        raise UsageError(f"ClientCertificate: sha256: and 64 hex digits in lower case, not {name!r}")
    return name


def _scopes(name: str, scopes: Iterable[str]) -> tuple[str, ...]:
    if isinstance(scopes, str) or not isinstance(scopes, Iterable):
        raise UsageError(f"ClientCertificate: the scopes of {name} are a list, as in [{scopes!r}]")
    return tuple(scope_text.parse(scope) for scope in scopes)


def _x509() -> Any:
    try:
        from cryptography import x509
    except ImportError:
        raise MissingExtra("client certificates", "sign") from None
    return x509
