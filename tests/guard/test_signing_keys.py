"""Keys that sign, as they are kept (SIGN-8): what the database holds, what it is worth alone, how the master key rotates."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from ostiary.client import SignKey
from ostiary.errors import UsageError
from ostiary.guard import masterkey, signingkeys
from ostiary.guard.keyring import Keyring
from ostiary.guard.masterkey import Unsealable
from ostiary.guard.pepper import Peppers
from ostiary.guard.stores import open_store
from ostiary.wire import signing_key
from tests.guard.keys import ENGINES, PEPPERS, Clock, url

OLD, NEW = bytes(range(32)), bytes(range(32, 64))


def ring(engine: str, folder: Path, *masters: bytes) -> Keyring:
    return Keyring(open_store(url(engine, folder), "keys"), PEPPERS, Clock(), masters=Peppers.of(*masters) if masters else None)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("algorithm", ["ed25519", "ecdsa-p256-sha256", "hmac-sha256"])
def test_what_is_kept_verifies_what_its_owner_signs(engine: str, algorithm: str, tmp_path: Path) -> None:
    """The text that is shown once signs; what comes back from the store verifies it, and nothing else."""
    keys = ring(engine, tmp_path, OLD)
    record, text = keys.create(signing=algorithm, scopes=["orders:write"])
    mine = SignKey.hmac(record.id, text.encode()) if algorithm == "hmac-sha256" else SignKey.from_pem(record.id, text.encode())
    kept = keys.show(record.id)
    verifier = signingkeys.verifier(kept, keys.masters)
    assert (kept, kept.algorithm, kept.digest, kept.pepper_id) == (record, algorithm, b"", "")
    assert signing_key.verify(verifier, b"data", signing_key.sign(mine, b"data")) == b"data"
    with pytest.raises(Exception, match="not signed by"):
        signing_key.verify(verifier, b"other", signing_key.sign(mine, b"data"))


def test_the_database_alone_signs_nothing(tmp_path: Path) -> None:
    """No byte of a private key or shared secret is in the file, and a secret does not open under another key or in another row."""
    keys = ring("sqlite", tmp_path, OLD)
    made = [keys.create(signing=algorithm) for algorithm in ("ed25519", "hmac-sha256")]
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    secret = made[1][1].encode()
    private = SignKey.from_pem("x", made[0][1].encode()).material.private_bytes_raw()
    assert (secret in content, secret[8:40] in content, private in content) == (False, False, False)
    sealed = made[1][0]
    for masters, row in ((Peppers.of(NEW), sealed.id), (Peppers.named([(sealed.sealed_under, NEW)]), sealed.id), (keys.masters, "another")):
        with pytest.raises(Unsealable):
            masterkey.unseal(masters, sealed.sealed_under, row, sealed.material)
    with pytest.raises(Unsealable, match="was cut"):
        masterkey.unseal(keys.masters, sealed.sealed_under, sealed.id, b"")


def test_two_secrets_are_never_sealed_alike() -> None:
    """A nonce of its own each time."""
    masters = Peppers.of(OLD)
    assert masterkey.seal(masters, "row", bytes(32)) != masterkey.seal(masters, "row", bytes(32))


@pytest.mark.parametrize("engine", ["sqlite"])
def test_the_master_key_rotates(engine: str, tmp_path: Path) -> None:
    """With the new one first and the old one beside it all secrets are encrypted anew; after that the old one can go; twice changes nothing."""
    record, text = ring(engine, tmp_path, OLD).create(signing="hmac-sha256")
    both = ring(engine, tmp_path, NEW, OLD)
    assert (both.rekey(), both.rekey()) == (1, 0)
    alone = ring(engine, tmp_path, NEW)
    verifier = signingkeys.verifier(alone.show(record.id), alone.masters)
    assert verifier.material == text.encode()
    with pytest.raises(Unsealable, match="OSTIARY_MASTER_KEY"):
        signingkeys.verifier(alone.show(record.id), Peppers.of(OLD))


def test_rekey_without_the_old_master_key_changes_nothing(tmp_path: Path) -> None:
    """A person's mistake, said before anything is written."""
    record, _ = ring("sqlite", tmp_path, OLD).create(signing="hmac-sha256")
    keys = ring("sqlite", tmp_path, NEW)
    with pytest.raises(UsageError, match="is not here"):
        keys.rekey()
    assert keys.show(record.id) == record
    with pytest.raises(UsageError, match="no master key"):
        ring("sqlite", tmp_path).rekey()


@pytest.mark.parametrize(
    ("signing", "sentence"),
    [("rsa-pss-sha512", "import its public half"), ("none", "no kind of signing key"), ("hmac-sha256", "master key")],
)
def test_a_key_that_cannot_be_made_is_a_sentence(signing: str, sentence: str, tmp_path: Path) -> None:
    """What to do instead; nothing is stored."""
    keys = ring("memory", tmp_path)
    with pytest.raises(UsageError, match=sentence):
        keys.create(signing=signing)
    assert keys.list() == ()


def test_a_public_half_can_be_imported(tmp_path: Path) -> None:
    """RSA-PSS: its owner signs with the private half, which we never see; what is no public key is refused."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    private = rsa.generate_private_key(65_537, 2048)
    keys = ring("memory", tmp_path)
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    record = keys.import_public(pem, owner="alice")
    mine = SignKey.from_pem(record.id, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    signing_key.verify(signingkeys.verifier(record, None), b"data", signing_key.sign(mine, b"data"))
    assert (record.algorithm, record.owner) == ("rsa-pss-sha512", "alice")
    with pytest.raises(UsageError, match="no public key"):
        keys.import_public(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def test_a_store_of_before_is_brought_up_to_date(tmp_path: Path) -> None:
    """A file of the first schema gets the new columns; its keys are API keys as before."""
    from ostiary.guard.stores import sqlite_keys
    from ostiary.guard.stores._sqlite import Database

    file = tmp_path / "ostiary.db"
    Database(file, "keys", [sqlite_keys._FIRST_SCHEMA]).close()
    with sqlite3.connect(file) as connection:
        connection.execute(
            "INSERT INTO keys VALUES ('0aB1cD2eF3gH', x'00', 'p', 1.0, 'ost', 'sk', 'live', 'old', '', '[]', NULL, NULL, NULL, NULL, NULL,"
            " NULL, 0, '', '', '', 0, NULL, '', '{}')"
        )
    connection.close()
    found = open_store(f"sqlite:///{file}", "keys").find("0aB1cD2eF3gH")
    assert found is not None
    assert (found.name, found.algorithm, found.material, found.sealed_under) == ("old", "", b"", "")
