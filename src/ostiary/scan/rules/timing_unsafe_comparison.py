"""A secret compared with an operator that stops at the first difference."""

from __future__ import annotations

import re

from ostiary.model.finding import Confidence, Severity
from ostiary.scan.code.ir import Expr, last_name, walk
from ostiary.scan.code.sites import Compare
from ostiary.scan.code.values import Const, Map, Seq
from ostiary.scan.lazy import Pattern
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._compares import is_hashed, is_kept, looks_stored, pair, worth
from ostiary.scan.rules._flows import Flow
from ostiary.scan.rules._sources import credential, read_of
from ostiary.scan.rules._words import listed

rule = Rule("timing-unsafe-comparison")

_SIGNED = Pattern(r"sig|digest|mac|expected|computed", re.IGNORECASE)
# SQLAlchemy's, SQLModel's, peewee's and Pony's calls that take a condition
_CLAUSES = listed("filter where having and_ or_ not_ join outerjoin on exists case any has select get_or_none find find_one find_all count")
_FIX = "Compare in constant time:\nhmac.compare_digest(given.encode(), kept.encode())"


@rule.on_compare
def equal(site: Compare) -> Found:
    """``given == kept`` and ``given != kept``."""
    if site.op not in ("==", "!=") or not is_kept(site.left) or not is_kept(site.right):
        return
    if not (_SIGNED.search(last_name(site.left)) or _SIGNED.search(last_name(site.right)) or worth(site.left) or worth(site.right)):
        return
    if _asks_database(site):
        return
    flow = Flow.at(site)
    if _hmac(flow, site):
        yield rule.finding("a signature is compared with an operator that stops at the first difference", site, fix=_FIX)
        return
    found = pair(flow, site.left, site.right)
    if found is None or is_hashed(flow, found.given) or is_hashed(flow, found.kept) or _is_plain(site, found.kept):
        return
    sure = found.source.sure and looks_stored(flow.expand(found.kept))
    message = f"{found.source.what} is compared with {site.op}, which stops at the first difference"
    yield rule.finding(message, site, Confidence.HIGH if sure else Confidence.MEDIUM, fix=_FIX)


def _asks_database(site: Compare) -> bool:
    """``query.filter(Token.value == given)`` makes SQL: the database looks it up, Python compares nothing."""
    if site.left[0] != "attr" and site.right[0] != "attr":
        return False
    asking = (call for call in site.function.calls if last_name(call[2]) in _CLAUSES)
    return any(node[1] == site.at and node[0] == "cmp" for call in asking for node in walk((call[3], call[4])))


def _hmac(flow: Flow, site: Compare) -> bool:
    """One side is an HMAC just computed, the other comes with the request: here the digest is what an attacker guesses byte by byte."""
    for made, given in ((site.left, site.right), (site.right, site.left)):
        if _computes_hmac(flow, made) and (flow.trace(given, credential) or "sig" in _name(flow.expand(given))):
            return True
    return False


def _computes_hmac(flow: Flow, expr: Expr) -> bool:
    for _ in range(6):
        expr = flow.expand(expr)
        if expr[0] == "call" and expr[2][0] == "attr":
            if expr[2][3] in ("new", "digest") and last_name(expr[2][2]) == "hmac":
                return True
            expr = expr[2][2]
        elif expr[0] == "call" and expr[3] and last_name(expr[2]) in ("b64encode", "str"):
            expr = expr[3][0]
        elif expr[0] == "bin":
            expr = expr[4]
        else:
            return False
    return False


def _name(expr: Expr) -> str:
    read = read_of(expr)
    return (read[1] if read is not None else last_name(expr)).lower()


def _is_plain(site: Compare, kept: Expr) -> bool:
    """A constant of the tree that is no text, or an empty one."""
    if kept[0] not in ("name", "attr"):
        return False
    value = site.value(kept)
    return isinstance(value, Const) and (not isinstance(value.value, (str, bytes)) or not value.value)


@rule.on_compare
def member(site: Compare) -> Found:
    """``given in keys``: a list is compared one by one; a set or dict leaks less."""
    if site.op not in ("in", "not in") or not is_kept(site.right) or not (worth(site.left) and worth(site.right)):
        return
    flow = Flow.at(site)
    source = flow.trace(site.left, credential)
    if source is None or flow.trace(site.right, credential) is not None or is_hashed(flow, site.left) or is_hashed(flow, site.right):
        return
    kind = _container(site)
    if kind is None:
        return
    severity = Severity.MEDIUM if kind == "list" else Severity.LOW
    confidence = Confidence.HIGH if source.sure else Confidence.MEDIUM
    yield rule.finding(f"{source.what} is looked up in a {kind} of raw keys", site, confidence, severity=severity, fix=_FIX)


def _container(site: Compare) -> str | None:
    """list, set or dict when the right side is known to be one; a text (substring) is another weakness."""
    right = site.right
    if right[0] == "seq":
        return "set" if right[2] == "set" else "list" if any(is_kept(item) for item in right[3]) else None
    if right[0] == "call" and last_name(right[2]) in ("values", "list", "split"):
        return "list"
    value = site.value(right)
    if isinstance(value, Map):
        return "dict"
    if isinstance(value, Seq):
        return "list" if any(not isinstance(item, Const) or isinstance(item.value, str) for item in value.items) else None
    return "set" if looks_stored(right) and last_name(right).isupper() else None
