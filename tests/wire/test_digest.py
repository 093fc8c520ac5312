"""Content-Digest: the values of RFC 9530, and that content which differs in a bit is refused."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.errors import BadSignature, SignatureReason, UsageError
from ostiary.wire.digest import ContentCheck, content_digest, parse_content_digest, verified_content

HELLO = b'{"hello": "world"}'
# RFC 9530: Appendix D, Section B.1, B.2 and B.3.
PUBLISHED = [
    (HELLO, "sha-512", b"sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:"),
    (HELLO, "sha-256", b"sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"),
    (HELLO + b"\n", "sha-256", b"sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"),
    (b"", "sha-256", b"sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"),
    (b'"world"}\n', "sha-256", b"sha-256=:jjcgBDWNAtbYUXI37CVG3gRuGOAjaaDRGpIUFsdyepQ=:"),
]
BOTH = b"sha-256=:d435Qo+nKZ+gLcUHn7GQtQ72hiBVAgqoLsZnZPiTGPk=:,sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:"


@pytest.mark.parametrize(("content", "algorithm", "value"), PUBLISHED)
def test_published_values(content: bytes, algorithm: str, value: bytes) -> None:
    """What the RFC prints is made and verifies."""
    assert content_digest(content, algorithm) == value
    assert verified_content(value, content) == content


def test_two_digests_are_read() -> None:
    """The example of Section 2 with both algorithms, without a blank behind the comma."""
    found = parse_content_digest(BOTH)
    assert {name: len(value) for name, value in found.items()} == {"sha-256": 32, "sha-512": 64}


@pytest.mark.parametrize(("content", "algorithm", "value"), PUBLISHED)
def test_every_bit_of_the_content_counts(content: bytes, algorithm: str, value: bytes) -> None:
    """Turn one, add one, leave one out: refused."""
    turned = [content[:at] + bytes([content[at] ^ (1 << bit)]) + content[at + 1 :] for at in range(len(content)) for bit in range(8)]
    for wrong in [*turned, content + b"\0", *([content[:-1]] if content else [])]:
        with pytest.raises(BadSignature) as refused:
            verified_content(value, wrong)
        assert refused.value.reason is SignatureReason.DIGEST


@pytest.mark.parametrize("wrong", ["sha-256", "sha-512"])
def test_of_two_digests_both_have_to_be_right(wrong: str) -> None:
    """A right one does not excuse a wrong one."""
    values = [content_digest(HELLO if name != wrong else b"else", name) for name in ("sha-256", "sha-512")]
    with pytest.raises(BadSignature) as refused:
        verified_content(b", ".join(values), HELLO)
    assert refused.value.reason is SignatureReason.DIGEST


def test_other_algorithms_beside_are_not_looked_at() -> None:
    """RFC 9530 lets a sender add what the recipient does not know."""
    assert verified_content(content_digest(HELLO) + b", md5=:AAAA:, crc32c=1", HELLO) == HELLO


@pytest.mark.parametrize(
    "value",
    [
        b"", b"md5=:Sd/dVLAcvNLSq16eXua5uQ==:", b"sha-256", b"sha-256=1", b"sha-256=:AAAA:", b"sha-256=()", b"SHA-256=:AAAA:", b"\xff",
        b'sha-256="X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="', b"sha-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=",
        b"sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:, sha-512=:AA==:", PUBLISHED[1][2] + b", " + PUBLISHED[1][2],
    ],
)  # fmt: skip
def test_what_is_no_digest_is_refused(value: bytes) -> None:
    """None that we take, of the wrong length or type, old style, or twice."""
    with pytest.raises(BadSignature) as refused:
        parse_content_digest(value)
    assert refused.value.reason is SignatureReason.MALFORMED


@settings(deadline=None)
@given(st.lists(st.binary(max_size=50), max_size=6), st.sampled_from(["sha-256", "sha-512"]))
def test_pieces_are_checked_like_the_whole(pieces: list[bytes], algorithm: str) -> None:
    """Wherever the content is cut."""
    check = ContentCheck(parse_content_digest(content_digest(b"".join(pieces), algorithm)))
    for piece in pieces:
        check.update(piece)
    check.finish()


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_get_an_answer(value: bytes) -> None:
    """A header of arbitrary bytes verifies nothing and raises nothing but BadSignature."""
    with pytest.raises(BadSignature):
        verified_content(value, HELLO)


def test_bad_options() -> None:
    """A digest that we do not make, and a check that would check nothing."""
    with pytest.raises(UsageError, match="md5"):
        content_digest(b"", "md5")
    with pytest.raises(UsageError):
        ContentCheck({})


def test_the_digest_is_that_of_hashlib() -> None:
    """Computed beside it."""
    assert parse_content_digest(content_digest(b"x", "sha-512")) == {"sha-512": hashlib.sha512(b"x").digest()}
