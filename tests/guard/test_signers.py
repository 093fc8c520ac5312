"""Keys that sign, remembered and told apart by nobody: attacks 20 and 21 for signed requests, over Flask and FastAPI."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ostiary.client import Signer, SignKey
from ostiary.wire import signing_key
from ostiary.wire.signing_key import Algorithm
from tests.guard.signing_sites import BODY, SITES, Client, credential, keyring
from tests.guard.sites import HTTPS, PEER, Site

Make = Callable[..., Site]
LENGTHS = {Algorithm.HMAC_SHA256: 32, Algorithm.ED25519: 64, Algorithm.ECDSA_P256_SHA256: 64, Algorithm.RSA_PSS_SHA512: 256}


@pytest.fixture(params=list(SITES))
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    made: list[Site] = []

    def build(store: str = "memory://", **more: Any) -> Site:
        made.append(SITES[request.param](store, **more))
        return made[-1]

    yield build
    for one in made:
        if one.runner is not None:
            one.runner.run(one.core.aclose())
        one.close()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Any) -> str:
    return f"sqlite:///{tmp_path}/keys.db" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Site], list[str]]:
    """The ids that the guard of a site looks up from now on."""

    def watch(site: Site) -> list[str]:
        found: list[str] = []
        for name in ("find", "afind"):
            real = getattr(site.core.key_store, name, None)
            if real is not None:
                monkeypatch.setattr(site.core.key_store, name, lambda key_id, real=real: (found.append(key_id), real(key_id))[1])
        return found

    return watch


def listening(site: Site) -> Site:
    """PostgreSQL tells of changes once somebody listens; what is believed before that is dropped then."""
    deadline = time.monotonic() + 10
    while site.core.key_store.generation() < 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    return site


# 20: revoked but cached


def test_a_key_that_signed_rightly_is_looked_up_once_in_half_a_minute(make: Make, store: str, asked: Any) -> None:
    """No look-up for the calls that follow, of either scheme; after 30 seconds there is one."""
    site = listening(make(keys=store))
    callers = [Client(site, credential(site)), Client(site, credential(site, "hmac-sha256"), "simple")]
    for caller in callers:
        assert caller.ask("/signed", BODY).status == 200
    found = asked(site)
    assert [caller.ask("/signed", BODY).status for caller in callers * 3] == [200] * 6
    assert found == []
    site.clock.now += 30
    assert [caller.ask("/signed", BODY).status for caller in callers] == [200, 200]
    assert found == [caller.key.id for caller in callers]


@pytest.mark.parametrize("change", ["revoke", "disable"])
def test_a_key_that_is_remembered_stops_at_once(make: Make, store: str, change: str) -> None:
    """Whatever becomes of it: the next call is 401."""
    site = listening(make(keys=store))
    caller = Client(site, credential(site))
    assert caller.ask("/signed").status == 200
    getattr(keyring(site), change)(caller.key.id)
    assert caller.ask("/signed").status == 401


def test_a_key_that_another_process_revokes_stops_at_once(make: Make, tmp_path: Any) -> None:
    """Two guards on one file: what one of them changes the other has not remembered."""
    first, second = (make(keys=f"sqlite:///{tmp_path}/keys.db") for _ in range(2))
    caller = Client(first, credential(second))
    assert caller.ask("/signed").status == 200
    keyring(second).revoke(caller.key.id)
    assert caller.ask("/signed").status == 401


def test_a_key_that_is_remembered_expires_on_time(make: Make) -> None:
    """Ten seconds are less than thirty."""
    site = make()
    caller = Client(site, credential(site, expires=site.clock.now + 10))
    assert caller.ask("/signed").status == 200
    site.clock.now += 10
    assert caller.ask("/signed").status == 401


def test_only_a_right_signature_is_remembered(make: Make, asked: Any) -> None:
    """Wrong ones, stale ones and those over another body are looked up each time, whether the key was remembered or not."""
    site = make(failures=None)
    caller = Client(site, credential(site))
    wrong = Client(site, SignKey.ed25519(caller.key.id, bytes(32)))
    found = asked(site)
    for remembered in (False, True):
        if remembered:
            assert caller.ask("/signed").status == 200
        found.clear()
        assert [wrong.ask("/signed").status, caller.ask("/signed", at=site.clock.now - 301).status] == [401, 401]
        assert found == [caller.key.id] * 2
    assert caller.ask("/signed", BODY, sent=BODY + b" ").status == 401


# 21: telling by difference


def rsa_key(site: Site) -> SignKey:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    made = rsa.generate_private_key(65_537, 2048)
    public = made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    record = keyring(site).import_public(public)
    return SignKey.from_pem(record.id, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@pytest.mark.parametrize("alg", ["", "ed25519", "ecdsa-p256-sha256", "hmac-sha256"])
def test_a_wrong_signature_costs_the_same_whomever_it_names(make: Make, alg: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown, or a key of any kind: for signatures of each length the same algorithms are gone through, and the same is answered."""
    site = make(failures=None)
    ids = {name: credential(site, name).id for name in ("ed25519", "ecdsa-p256-sha256", "hmac-sha256")}
    ids |= {"rsa": rsa_key(site).id, "unknown": "0aB1cD2eF3gH", "bearer": site.mint().split("_")[-1][:12]}
    worked: list[str] = []
    real = signing_key.verify

    def watched(key: Any, data: bytes, signature: bytes) -> bytes:
        if LENGTHS[key.algorithm] == len(signature):
            worked.append(key.algorithm.value)
        return real(key, data, signature)

    monkeypatch.setattr(signing_key, "verify", watched)
    for length, expected in (
        (32, ["hmac-sha256"]),
        (64, ["ecdsa-p256-sha256", "ed25519"]),
        (256, ["rsa-pss-sha512"]),
        (17, []),
    ):
        for name, key_id in ids.items():
            worked.clear()
            headers = forged(site, key_id, length, alg)
            reply = site.send("GET", "/signed", headers, HTTPS, PEER, b"")
            assert (name, reply.status, site.events()[-1].reason) == (name, 401, "signature_wrong")
            assert (name, length, sorted(worked)) == (name, length, expected)


def forged(site: Site, key_id: str, length: int, alg: str) -> list[tuple[str, str]]:
    """A call that is right in everything but its signature."""
    import base64

    given = Signer(SignKey.hmac(key_id, bytes(32)), clock=site.clock).headers("GET", f"{HTTPS}/signed")
    parameter = f';keyid="{key_id}"' + (f';alg="{alg}"' if alg else "")
    inputs = given["Signature-Input"].replace(f';keyid="{key_id}"', parameter)
    return [("Signature-Input", inputs), ("Signature", f"ostiary=:{base64.b64encode(bytes([7]) * length).decode()}:")]


def test_a_pair_of_keys_does_not_sign_by_the_simple_scheme(make: Make) -> None:
    """Whoever names one hears what who names no key hears."""
    site = make(failures=None)
    ids = [credential(site).id, credential(site, "ecdsa-p256-sha256").id, "0aB1cD2eF3gH"]
    replies = [Client(site, SignKey.hmac(key_id, bytes(32)), "simple").ask("/signed", BODY) for key_id in ids]
    assert [(reply.status, {**reply.json, "request_id": ""}) for reply in replies] == [(401, {**replies[0].json, "request_id": ""})] * 3
    assert {event.reason for event in site.events()} == {"signature_wrong"}


@pytest.mark.parametrize("length", [32, 64, 256, 257, 384, 512])
def test_there_is_a_key_of_nobody_for_each_length(length: int) -> None:
    """Each looks at a signature of that length to the end, and takes none."""
    from ostiary.errors import BadSignature
    from ostiary.wire import nobody

    keys = nobody.of_length(length)
    assert keys
    for key in keys:
        if key.algorithm is Algorithm.RSA_PSS_SHA512:
            assert key.material.key_size == 8 * length
        with pytest.raises(BadSignature):
            signing_key.verify(key, b"", bytes([7]) * length)
