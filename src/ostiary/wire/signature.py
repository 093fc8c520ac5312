"""HTTP Message Signatures (RFC 9421): the signature base, Signature-Input and Signature. No clock, no randomness, no key store.

What a *request* must sign for us is in ``signed_request``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ostiary.errors import BadField, BadSignature, SignatureReason
from ostiary.wire import signing_key
from ostiary.wire.fields import Bare, InnerList, Item, Member, parse_dictionary, serialise
from ostiary.wire.message import Message, Parsed, component
from ostiary.wire.signing_key import SignKey, VerifyKey

_TYPES: dict[str, type] = {"created": int, "expires": int, "nonce": str, "keyid": str, "tag": str, "alg": str}


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature of a message, not verified yet: its label, what it covers, its bytes."""

    label: str
    covered: InnerList
    signature: bytes = field(repr=False)

    def parameter(self, name: str) -> Bare | None:
        """One of its parameters; created and expires are integers, nonce, keyid, tag and alg are strings."""
        return dict(self.covered.parameters).get(name)


def components(*names: str) -> tuple[Item, ...]:
    """Identifiers without parameters."""
    return tuple(map(Item, names))


def signature_base(message: Message, covered: InnerList) -> bytes:
    """The bytes that are signed (section 2.5). Raises BadSignature when a component is missing, unknown or named twice."""
    lines: list[bytes] = []
    seen: set[tuple[object, frozenset[str]]] = set()
    parsed: Parsed = {}
    for identifier in covered.items:
        # The order of its parameters makes no other component.
        identity = (identifier.value, frozenset(map(repr, identifier.parameters)))
        if identity in seen:
            raise BadSignature(SignatureReason.MALFORMED, "a component is named twice")
        seen.add(identity)
        lines.append(_written(identifier) + b": " + component(message, identifier, parsed))
    lines.append(b'"@signature-params": ' + _written(covered))
    return b"\n".join(lines)


def _written(member: Member) -> bytes:
    try:
        return serialise(member)
    except BadField as error:
        raise BadSignature(SignatureReason.MALFORMED, str(error)) from None


def signed(message: Message, key: SignKey, covered: InnerList, label: str) -> Signature:
    """Signs what ``covered`` says. Raises BadSignature when the message lacks a part of it."""
    return Signature(label, covered, signing_key.sign(key, signature_base(message, covered)))


def field_values(signatures: Iterable[Signature]) -> tuple[bytes, bytes]:
    """The values of Signature-Input and Signature."""
    some = tuple(signatures)
    inputs: dict[str, Member] = {one.label: one.covered for one in some}
    return serialise(inputs), serialise({one.label: Item(one.signature) for one in some})


def signatures(message: Message) -> tuple[Signature, ...]:
    """Every signature that the message carries, in the order of Signature-Input; () when there is no such field.

    Raises BadSignature when the fields are malformed, a label comes twice or stands in one of them only, or a parameter is of
    the wrong type.
    """
    if message.value("signature-input") is None:
        return ()
    inputs, values = _dictionary(message, "signature-input"), _dictionary(message, "signature")
    if inputs.keys() != values.keys():
        raise BadSignature(SignatureReason.MALFORMED, "Signature-Input and Signature do not have the same labels")
    return tuple(_signature(label, covered, values[label]) for label, covered in inputs.items())


def _dictionary(message: Message, name: str) -> dict[str, Member]:
    try:
        return parse_dictionary(message.value(name) or b"")
    except BadField as error:
        raise BadSignature(SignatureReason.MALFORMED, f"{name}: {error}") from None


def _signature(label: str, covered: Member, value: Member) -> Signature:
    if not isinstance(covered, InnerList) or not isinstance(value, Item) or not isinstance(value.value, bytes):
        raise BadSignature(SignatureReason.MALFORMED, "Signature-Input has lists of components, Signature has bytes")
    for name, given in covered.parameters:
        if type(given) is not _TYPES.get(name, type(given)):
            raise BadSignature(SignatureReason.MALFORMED, f"the parameter {name} is of the wrong type")
    return Signature(label, covered, value.value)


def verify(message: Message, given: Signature, key: VerifyKey) -> Signature:
    """``given``, when it was made with ``key`` over this message. Raises BadSignature.

    The algorithm is the key's. An ``alg`` or ``keyid`` in the message that says something else is refused. Nothing is said about
    what is covered and how old it is.
    """
    if given.parameter("keyid") not in (None, key.id) or given.parameter("alg") not in (None, key.algorithm.value):
        raise BadSignature(SignatureReason.WRONG, f"made for another key or algorithm than key {key.id}")
    signing_key.verify(key, signature_base(message, given.covered), given.signature)
    return given
