"""Is a text a secret? Families by a table of prefixes, the rest by its looks. Nothing here ever returns a character of it."""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import pairwise

from ostiary.scan.lazy import Pattern
from ostiary.scan.rules._words import listed, words
from ostiary.wire.secret_patterns import FAMILIES, SLACK_WEBHOOK

# what a literal looks like, from surely not a secret to surely one
NOTHING, WORDS, PASSWORD, RANDOM = 0, 1, 2, 3

_BODY = Pattern(r"[A-Za-z0-9_\-.+/=]+\Z")
_SAMPLE = Pattern(r"example|sample|dummy|placeholder|changeme|your|xxxx|\.\.\.|1234567890abcdef|abcdef123456|0{8}", re.IGNORECASE)
_DSN = Pattern(r"[a-z][a-z0-9+.\-]{1,30}://([^\s:/@{}$<>]{0,64}):([^\s@/{}$<>]{1,128})@([^\s:/{}]{1,128})")
_COMMON = listed("password postgres root pass secret user admin test mysql guest mongo redis changeme example rabbitmq app db dev pw")
_LOCAL = Pattern(r"localhost|127\.|db$|database$|postgres|mysql|redis|mongo|0\.0\.0\.0|host\.docker|rabbit|\[?::1", re.IGNORECASE)


def family(text: str) -> str | None:
    """The family of a token by its prefix, its length and its alphabet; None for anything else and for documentation samples."""
    for prefix, name, length in FAMILIES.get(text[:3], ()):
        if text.startswith(prefix) and len(text) >= length and _BODY.match(text) and len(set(text)) > 9 and not _SAMPLE.search(text):
            return name
    if text.startswith("-----BEGIN") and "PRIVATE KEY-----" in text[:60] and len(text) > 120:
        return "private key"
    return "Slack webhook" if text.startswith(SLACK_WEBHOOK) and not _SAMPLE.search(text) else None


_PAIRS = Pattern(r"\b(?:password|pwd)=([^\s;'\"{}<>$%]{4,64})", re.IGNORECASE)


def dsn_password(text: str) -> tuple[str, bool] | None:
    """(scheme, is it likely a real one) of a URL or connection string that holds a password; local hosts and common words are likely not."""
    if "://" not in text or "@" not in text:
        return _connection_string(text) if "assword=" in text or "pwd=" in text.lower() else None
    found = _DSN.search(text)
    if found is None or "%" in found.group(2)[:2] or found.group(2).startswith(("*", "[")):
        return None
    user, password, host = found.groups()
    local = _LOCAL.match(host) is not None or "example" in host
    return text.partition("://")[0], not (local or password == user or _is_common(password))


def _connection_string(text: str) -> tuple[str, bool] | None:
    """``host=db user=shop password=…``."""
    found = _PAIRS.search(text)
    if found is None or not re.search(r"\b(?:host|server|user|uid|dbname|database|account)=|AccountKey", text, re.IGNORECASE):
        return None
    return "database", "localhost" not in text and not _is_common(found.group(1))


def _is_common(password: str) -> bool:
    return password.lower() in _COMMON or looks(password) < PASSWORD


_PLACEHOLDER = Pattern(
    r"<|>|\$\{|\{|\}|%\(|%s|\*\*\*|x{3,}|\.\.\.|\byour|_your|-your|your-|your_|change.?(?:me|this|it)|replace|placeholder|todo|fixme|insert|example|redacted|\bnone\b|\bnull\b",
    re.IGNORECASE,
)
_NOT_VALUE = Pattern(
    r"\s|\Ahttps?://|\A[/.~]|\A[\w.+-]+@[\w-]+\.\w+\Z|\A[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\Z|\A[A-Z][A-Za-z]*(?:-[A-Z]?[A-Za-z]+)+\Z|\A[a-z_]+(?:[.:/][A-Za-z_]+)+\Z"
    r"|\\[dwsb]|\[\^|\(\?|\A\^|\A[\w-]+/[\w.+-]+\Z|\.(?:pem|key|txt|json|html|py|env|crt)\Z|[^\x20-\x7e]"
)
_LETTERS = Pattern(r"[A-Za-z]+(?:[_\-.:][A-Za-z]+)*\Z")


def is_placeholder(text: str) -> bool:
    """``<your-key>``, ``${TOKEN}``, ``xxx``: nobody's secret. ``changeme`` is one too, unless it is the key in force."""
    return _PLACEHOLDER.search(text) is not None


def looks(text: str) -> int:
    """NOTHING for prose, URLs, paths, patterns and header names; WORDS for plain words; PASSWORD and RANDOM for what people protect."""
    if len(text) < 4 or len(text) > 4096 or _NOT_VALUE.search(text):
        return NOTHING
    if _LETTERS.match(text) and not _mixed(text):
        return WORDS
    if len(text) >= 16 and entropy(text) >= 3.3 and not _wordy(text):
        return RANDOM
    return PASSWORD if len(text) >= 6 and _password_like(text) else WORDS


def entropy(text: str) -> float:
    """Bits per character by the frequency of its characters."""
    total = len(text)
    return -sum(n / total * math.log2(n / total) for n in Counter(text).values())


def _mixed(text: str) -> bool:
    """One run of 20 letters or more that changes case often is no word."""
    if len(text) < 20 or "_" in text or "-" in text:
        return False
    changes = sum(a.islower() != b.islower() for a, b in pairwise(text))
    return changes >= len(text) // 4


def _password_like(text: str) -> bool:
    return (any(c.isdigit() for c in text) and any(c.isalpha() for c in text)) or any(c in "!@#$%^&*?" for c in text)


def _wordy(text: str) -> bool:
    """``my-super-secret-key-2024``: words and a number, which people choose and machines do not."""
    parts = words(text)
    letters = [part for part in parts if part.isalpha()]
    return bool(letters) and sum(len(part) for part in letters) / len(letters) >= 3 and len("".join(letters)) >= 0.7 * len(text)


def same_words(name: str, text: str) -> bool:
    """``TOKEN = "token"``: the text repeats the name, so it names a field and holds nothing."""
    own = {word.rstrip("s") for word in words(text)}
    return bool(own) and own <= {word.rstrip("s") for word in words(name)}
