"""What each command of ``ostiary keys`` does once its words are parsed. Every function returns the exit code."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ostiary.cli import keys_text
from ostiary.cli.moments import duration, iso, moment
from ostiary.cli.output import Progress, color, put, talk, width
from ostiary.errors import UsageError
from ostiary.guard.admin import Admin
from ostiary.guard.keyrecord import KeyRecord
from ostiary.guard.leaked import Search
from ostiary.guard.pepper import MASTER
from ostiary.report.common import plural
from ostiary.wire.secret import read_file, secret
from ostiary.wire.signed_response import RESPONSE_KEY, response_key
from ostiary.wire.signing_key import public_pem

_SHARED = "hmac-sha256"
_LARGEST_IMPORT = 16 * 1024 * 1024


def init(store: str, signing: bool) -> int:
    with _opened(store, create=True, master=signing) as admin:
        if not admin.made:
            talk(f"{store} and its {'pepper and master key' if signing else 'pepper'} are there already")
    return 0


def create(store: str, expires: str | None, max_age: Sequence[str], as_json: bool, **typed: Any) -> int:
    wanted = _wanted(typed) | {"expires": _moment(expires)}
    with _opened(store, create=True, master=wanted.get("signing") == _SHARED, max_age=max_age) as admin:
        record, text = admin.keyring.create(**wanted)
        _hand_over(admin, record, text, as_json)
        talk(f"{keys_text.sentence(record)}; it is shown this once")
    return 0


def import_public(store: str, file: Path, expires: str | None, max_age: Sequence[str], as_json: bool, **typed: Any) -> int:
    wanted = _wanted(typed) | {"expires": _moment(expires)}
    pem = _text(file).encode()
    with _opened(store, create=True, max_age=max_age) as admin:
        record = admin.keyring.import_public(pem, **wanted)
        put(keys_text.dump(keys_text.value(admin, record, {})) if as_json else f"{record.id}\n", data=True)
        talk(f"imported, to verify {record.algorithm}: {keys_text.sentence(record)}")
    return 0


def public(file: Path | None) -> int:
    text = secret(RESPONSE_KEY).reveal() if file is None else _text(file) if str(file) == "-" else read_file(file)
    key = response_key(text.encode())
    put(public_pem(key.verifier()), data=True)
    talk(f"the answers that it signs name it {key.id}")
    return 0


def rekey(store: str) -> int:
    with _opened(store) as admin:
        number = admin.keyring.rekey()
        current = admin.keyring.masters.current_id if admin.keyring.masters is not None else ""
        talk(f"{plural(number, 'shared secret')} encrypted anew; all are under the master key {current} now, older ones can go")
    return 0


def list_keys(store: str, search: str, owner: str | None, env: str | None, state: str | None, as_json: bool) -> int:
    with _opened(store) as admin:
        found = admin.keyring.list(search, owner=owner, env=env)
        shown = [record for record in found if state in (None, keys_text.word(admin.keyring.state(record)))]
        uses = admin.uses()
        if as_json:
            put(keys_text.dump({"keys": [keys_text.value(admin, record, uses) for record in shown]}), data=True)
        else:
            put(keys_text.table(admin, shown, uses, width(), color()))
        talk(plural(len(shown), "key") + ("" if found or search or owner or env else "; make one with: ostiary keys create"))
        _warn_if_stranded(admin)
    return 0


def show(store: str, key: str, as_json: bool) -> int:
    with _opened(store) as admin:
        value = keys_text.value(admin, admin.keyring.show(key), admin.uses())
        put(keys_text.dump(value) if as_json else keys_text.sheet(value), data=as_json)
    return 0


def rotate(store: str, key: str, overlap: str, expires: str | None, max_age: Sequence[str], as_json: bool) -> int:
    with _opened(store, max_age=max_age) as admin:
        old = admin.keyring.show(key)
        record, text = admin.keyring.rotate(old.id, duration(overlap), expires=_moment(expires))
        _hand_over(admin, record, text, as_json)
        talk(f"{keys_text.sentence(record)}; it is shown this once; {old.id} works until {iso(admin.keyring.show(old.id).expires)}")
    return 0


def revoke(store: str, key: str, as_json: bool) -> int:
    with _opened(store) as admin:
        record = admin.keyring.revoke(key)
        _report(admin, record, as_json)
        talk(f"revoked since {iso(record.revoked)}, for ever: {keys_text.sentence(record)}")
        talk(f"what still uses it gets 401 from now on; {keys_text.used(admin.uses().get(record.id))}")
        if record.replaced_by:
            talk(f"{record.replaced_by}, which took its place, goes on working")
    return 0


def disable(store: str, key: str, as_json: bool) -> int:
    with _opened(store) as admin:
        record = admin.keyring.disable(key)
        _report(admin, record, as_json)
        talk(f"disabled until ostiary keys enable {record.id}: {keys_text.sentence(record)}")
    return 0


def enable(store: str, key: str, as_json: bool) -> int:
    with _opened(store) as admin:
        record = admin.keyring.enable(key)
        _report(admin, record, as_json)
        talk(f"enabled ({keys_text.word(admin.keyring.state(record))}): {keys_text.sentence(record)}")
    return 0


def import_keys(
    store: str, file: Path, hashed: bool, expires: str | None, no_end: bool, max_age: Sequence[str], as_json: bool, **typed: Any
) -> int:
    if (expires is None) is not no_end:
        raise UsageError("say when imported keys end, with --expires 90d, or that they do not, with --no-end; one of the two")
    wanted = _wanted(typed)
    name = wanted.pop("name", "")
    pairs = [(value, given or name) for value, given in _lines(file)]
    with _opened(store, create=True, max_age=max_age) as admin:
        records = admin.keyring.import_keys(pairs, hashed=hashed, expires=_moment(expires), **wanted)
        if as_json:
            put(keys_text.dump({"keys": [keys_text.value(admin, record, {}) for record in records]}), data=True)
        for record in records:
            talk(f"imported {keys_text.sentence(record)}")
        _warn_of_imported(records)
    return 0


def due(store: str, within: str, max_age: Sequence[str], as_json: bool) -> int:
    with _opened(store, max_age=max_age) as admin:
        found = admin.keyring.due(duration(within))
        put(
            keys_text.dump({"due": [keys_text.due_value(one) for one in found]})
            if as_json
            else keys_text.due_table(found, width(), color()),
            data=as_json,
        )
        talk(f"{plural(len(found), 'key')} due within {within}" + ("; ostiary keys rotate ID makes a new one" if found else ""))
    return 0


def narrow(store: str, key: str, scopes: Sequence[str], as_json: bool) -> int:
    with _opened(store) as admin:
        record = admin.keyring.narrow(key, scopes)
        _report(admin, record, as_json)
        talk(keys_text.sentence(record))
    return 0


def leaked(store: str, path: Path, revoking: bool, as_json: bool) -> int:
    with _opened(store) as admin, Progress() as progress:
        search = Search(admin.keyring, time.time)
        said = lambda done: progress("reading MB", done >> 20, 0)  # noqa: E731
        if str(path) == "-":
            search.stream(sys.stdin.buffer, "-", said)
        else:
            search.path(path, said)
        live = [leak for leak in search.leaks if leak.live]
        for leak in live if revoking else ():
            admin.keyring.revoke(leak.record.id)
        if as_json:
            put(keys_text.dump({"keys": [keys_text.leak_value(leak, revoking) for leak in search.leaks]}), data=True)
        else:
            put("".join(keys_text.leak_line(leak, revoking) for leak in search.leaks))
        talk(f"{plural(search.files, 'file')} read, {plural(len(live), 'live key')} found" + (", all revoked" if live and revoking else ""))
        if search.unread:
            talk(f"{plural(len(search.unread), 'file')} could not be read, as {search.unread[0]}")
    return 1 if live and not revoking else 0


@contextmanager
def _opened(store: str, *, create: bool = False, master: bool = False, max_age: Sequence[str] = ()) -> Iterator[Admin]:
    ages = {env: duration(text) for env, text in _pairs("--max-age", max_age, "live=90d")}
    admin = Admin.open(store, create=create, master=master, max_age=ages)
    try:
        if admin.made:
            talk(
                f"made {' and '.join(str(path) for path in admin.made)}; keep {_secrets(admin.made)} out of version control, and back {'them' if len(admin.made) > 2 else 'it'} up apart from the keys"
            )
        yield admin
    finally:
        admin.close()


def _secrets(made: Sequence[Path]) -> str:
    return "pepper and master key" if any(path.name == MASTER.file_name for path in made) else "the pepper"


def _hand_over(admin: Admin, record: KeyRecord, text: str, as_json: bool) -> None:
    """The one time that a key is printed. One that cannot be printed is of no use to anybody, and is revoked."""
    try:
        put(keys_text.dump(keys_text.value(admin, record, {}) | {"key": text}) if as_json else f"{text}\n", data=True)
    except UsageError as error:
        admin.keyring.revoke(record.id)
        raise UsageError(f"{error}; {record.id} was made and revoked again") from None


def _report(admin: Admin, record: KeyRecord, as_json: bool) -> None:
    if as_json:
        put(keys_text.dump(keys_text.value(admin, record, admin.uses())), data=True)


def _wanted(typed: dict[str, Any]) -> dict[str, Any]:
    """What was typed, as the keyring takes it; what was not typed is left out."""
    wanted = {name: value for name, value in typed.items() if value not in (None, "", ())}
    if "not_before" in wanted:
        wanted["not_before"] = _moment(wanted["not_before"])
    if "metadata" in wanted:
        wanted["metadata"] = dict(_pairs("--meta", wanted["metadata"], "team=shop"))
    return wanted


def _moment(text: str | None) -> float | None:
    return None if text is None else moment(text, time.time())


def _pairs(option: str, texts: Sequence[str], example: str) -> list[tuple[str, str]]:
    for text in texts:
        if "=" not in text:
            raise UsageError(f"{option} {text}: write it as {example}")
    return [(name.strip(), value) for name, _, value in (text.partition("=") for text in texts)]


def _lines(file: Path) -> list[tuple[str, str]]:
    """(key, name) of each line that has any."""
    split = [line.split(maxsplit=1) for line in _text(file).splitlines()]
    pairs = [(words[0], words[1].strip() if len(words) > 1 else "") for words in split if words]
    if not pairs:
        raise UsageError(f"{file}: no key in it; one a line is wanted")
    return pairs


def _text(file: Path) -> str:
    try:
        data = sys.stdin.buffer.read(_LARGEST_IMPORT + 1) if str(file) == "-" else file.read_bytes()
        if len(data) > _LARGEST_IMPORT:
            raise UsageError(f"{file}: larger than a list of keys")
        return data.decode()
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file}: not text in UTF-8") from None


def _warn_of_imported(records: Sequence[KeyRecord]) -> None:
    weak = [record.id for record in records if record.low_entropy]
    if weak:
        talk(f"{', '.join(weak)} could be guessed: rotate soon")
    if any(record.expires is None for record in records):
        talk("without an end nobody is reminded to replace them: ostiary keys rotate ID when their clients can change")


def _warn_if_stranded(admin: Admin) -> None:
    for pepper_id, number in admin.stranded().items():
        talk(f"{plural(number, 'key')} cannot be verified: their pepper {pepper_id} is not here")
