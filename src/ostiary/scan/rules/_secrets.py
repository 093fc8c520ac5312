"""How sure we are that a literal under a name is a secret that somebody uses."""

from __future__ import annotations

import re

from ostiary.model.finding import Confidence
from ostiary.scan.lazy import Pattern
from ostiary.scan.records import record
from ostiary.scan.rules._literals import NOTHING, PASSWORD, RANDOM, WORDS, dsn_password, entropy, family, is_placeholder, looks, same_words
from ostiary.scan.rules._words import MAYBE, NO, listed, names_secret, signs_sessions, words

_DEVELOPMENT = Pattern(r"dev|local|debug", re.IGNORECASE)
_TEST = Pattern(r"test|example|mock|fake|dummy", re.IGNORECASE)
_STAND_IN = Pattern(r"\A[\s*.x_\-]*\Z|<|>|\{|\}|\$|%\(|\.\.\.|x{4,}", re.IGNORECASE)
_FIELD_WORDS = listed("password text string hidden token basic bearer grant secret key oauth2 none null current optional required passwort")


@record(frozen=True)
class Verdict:
    """Why a literal is a secret, and how sure that is."""

    message: str
    confidence: Confidence


def judge(name: str, text: str, where: str, *, owner: str = "", shouted: bool = False) -> Verdict | None:
    """None when the literal is nobody's secret. ``where`` is assign, default, keyword, item or argument; ``owner`` the class it stands in."""
    found = known(name, text)
    if found is not None:
        return found
    if not text or not name or _TEST.search(owner):
        return None
    confidence = _named(name, text, where, shouted)
    if confidence is None:
        return None
    if _DEVELOPMENT.search(owner):
        confidence = min(confidence, Confidence.MEDIUM, key=lambda c: c.rank)
    verb = "falls back to" if where == "default" else "holds"
    return Verdict(f"{name} {verb} a literal of {len(text)} characters", confidence)


def known(name: str, text: str) -> Verdict | None:
    """A token of a known family, or a URL with a password in it, whatever it is called."""
    if len(text) < 16:
        return None
    kind = family(text)
    under = f" in {name}" if name else ""
    if kind is not None:
        return Verdict(f"a {kind} of {len(text)} characters stands{under or ' here'}", Confidence.HIGH)
    dsn = dsn_password(text)
    if dsn is None:
        return None
    scheme, real = dsn
    return Verdict(f"a {scheme} address with a password stands{under or ' here'}", Confidence.HIGH if real else Confidence.LOW)


def _named(name: str, text: str, where: str, shouted: bool) -> Confidence | None:
    grade = names_secret(name)
    if grade == NO or _STAND_IN.search(text):
        return None
    if signs_sessions(name) and where != "item":
        return _signing(name, text, shouted)
    if is_placeholder(text):
        return None
    look = looks(text)
    if look == NOTHING or same_words(name, text):
        return None
    if grade == MAYBE:
        return Confidence.MEDIUM if look == RANDOM else None
    return _sure(name, text, where, look, shouted)


def _signing(name: str, text: str, shouted: bool) -> Confidence | None:
    """Any literal is the key in force, however weak; one that only repeats the name may be the name of a field."""
    loud = shouted or name.isupper()
    if text.lower() == name.lower():
        return Confidence.LOW
    if looks(text) == NOTHING and not _typed_at_random(text):
        return Confidence.MEDIUM if loud and len(text) < 80 and not text.startswith(("/", "http")) else None
    if is_placeholder(text) or _names_a_setting(name, text):
        return Confidence.MEDIUM
    return Confidence.HIGH if loud or looks(text) != WORDS else Confidence.MEDIUM


def _names_a_setting(name: str, text: str) -> bool:
    """``SECRET_KEY = "aws_secret_access_key"``: perhaps the key, more likely where to look for it."""
    return "_" in text and text.isidentifier() and set(words(name)) <= set(words(text))


def _typed_at_random(text: str) -> bool:
    """Spaces and control characters, as people paste from ``os.urandom``."""
    kinds = (str.isdigit, str.isalpha, lambda c: not c.isalnum())
    return 16 <= len(text) < 200 and entropy(text) > 3.8 and all(any(kind(c) for c in text) for kind in kinds)


def _sure(name: str, text: str, where: str, look: int, shouted: bool) -> Confidence | None:
    if look == RANDOM:
        return Confidence.HIGH
    if look == PASSWORD:
        return Confidence.HIGH if where == "assign" and shouted else Confidence.MEDIUM
    plain = text.isalpha() and text.lower() not in _FIELD_WORDS
    if where == "default" and plain:
        return Confidence.MEDIUM
    return Confidence.LOW if plain and where == "assign" and "pass" in name.lower() else None
