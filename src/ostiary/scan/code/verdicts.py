"""From the ends of all ways through a function to one verdict: can a stranger get past it?"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from ostiary.scan.code.libraries import authish
from ostiary.scan.code.refusals import AUTH, refuses_by_name, status_of
from ostiary.scan.code.things import NONE, End
from ostiary.scan.records import record

_BLOCKERS = ("decorator", "hook", "middleware", "preprocessor", "dispatch")
_DECIDING = ("flag:", "asked:", "address:")
_MAX_KEYS = 7
_ELSEWHERE = (301, 302, 303, 307, 308)


@record(frozen=True)
class Finding:
    """``why`` in one sentence; ``by_request``: another path, method or endpoint may get another verdict."""

    verdict: str
    why: str = ""
    by_request: bool = False


def passes(end: End, role: str) -> bool:
    """A stranger gets past: the handler runs, or runs on."""
    if end.how == "onward":
        return True
    if end.how == "raise":
        return False
    if role == "hook":
        return end.thing == NONE or _unsaid(end)
    if role == "decorator":
        return _unsaid(end)
    if role in ("middleware", "dispatch"):
        return False
    if role == "handler":
        return not _refusing(end, role)
    return True


def _unsaid(end: End) -> bool:
    """Something came back of which nothing is known: after a check that failed it is an answer, else it may be what the handler gave."""
    return end.thing.kind in ("unknown", "value") and not {"verify", "identity"} & set(end.path.tested)


def _status(end: End) -> tuple[int | None, str]:
    thing = end.thing
    if thing.kind == "seq" and len(thing.value) > 1:
        second = thing.value[1]
        if second.kind == "const" and isinstance(second.value, int):
            return second.value, ""
        if second.kind == "value" or second.kind == "answer":
            return status_of(second), ""
    if thing.kind == "seq" and thing.value:
        thing = thing.value[0]
    if thing.kind == "answer":
        return thing.value, thing.name
    return None, ""


def _refusing(end: End, role: str) -> bool:
    """The stranger is told that he may not: 401, 403, a login page; in what stands before a handler also an answer without a known status."""
    if end.thing.kind == "error":
        return end.thing.name == "verify" or refuses_by_name(end.thing.name)
    status, how = _status(end)
    if status in AUTH or how == "login":
        return True
    if status in _ELSEWHERE and role != "handler":
        return True
    if role not in _BLOCKERS or end.how == "raise":
        return False
    return how == "redirect" or status is None


def is_evidence(end: End) -> bool:
    """Here a handler refuses a caller because he has no valid credential."""
    return not passes(end, "handler") and _refusing(end, "handler") and _credential(end, "handler")


def classify(ends: list[End], role: str, request_known: bool) -> Finding:
    """The verdict on what stands in a role: decorator, hook, middleware, dependency or handler."""
    ends = settle(ends, role)
    through = [e for e in ends if passes(e, role)]
    refused = [e for e in ends if not passes(e, role)]
    evidence = [e for e in refused if _refusing(e, role) and _credential(e, role)]
    if not through:
        return _closed(refused, evidence, role)
    deciding = _deciding(through)
    stopped = evidence or (role != "handler" and any(_verified(e) for e in refused))
    if deciding is None or not stopped:
        return _open(ends, through, evidence, deciding is not None, role)
    return _depends(through, deciding, request_known)


def _credential(end: End, role: str) -> bool:
    """A look at a credential came before the refusal; a login handler's own refusal judges a password that was just sent."""
    if role != "handler":
        return bool({*end.path.tested} - {"lookup"})
    tested = [t for t in end.path.tested if t not in ("presence", "lookup")]
    return bool(tested) and tested[0] != "login"


def _closed(refused: list[End], evidence: list[End], role: str) -> Finding:
    if evidence:
        return Finding("gate")
    return Finding("gate") if role != "handler" and any(_verified(e) for e in refused) else Finding("none")


def _verified(end: End) -> bool:
    """A credential, or who is calling, was looked into before."""
    return bool({"verify", "identity"} & set(end.path.tested))


def _open(ends: list[End], through: list[End], evidence: list[End], conditional: bool, role: str) -> Finding:
    labels = {label for e in through for label in e.path.labels}
    unsure = [f"{text} could not be followed" if kind == "unsure" else text for kind, text in labels if kind in ("unsure", "unresolved")]
    if unsure and conditional and role != "handler":
        return Finding("unknown", min(unsure))
    tested = {t for e in ends for t in e.path.tested} - ({"login"} if evidence or role == "dependency" else {"login", "presence"})
    if not tested and not (role == "dependency" and any(e.thing.kind == "nobody" for e in through)):
        return Finding("none")
    plain = [e for e in through if not e.path.labels] or through
    if all(any(given and _origin(key) for key, given in e.path.given.items()) for e in plain):
        return Finding("extractor", "a credential is read and not verified: junk passes")
    return Finding("optional", "a caller without a valid credential is let through")


def _origin(key: str) -> bool:
    return not key.startswith((*_DECIDING, "login:"))


def _deciding(through: list[End]) -> list[str] | None:
    """The settings, addresses and routes that decide whether a stranger passes; None when he passes whatever they are."""
    labelled = [e for e in through if e.path.labels]
    if len(labelled) == len(through):
        return sorted({text for e in through for _, text in e.path.labels})
    free = [e for e in through if not e.path.labels]
    keys = sorted({k for e in free for k in e.path.given if k.startswith(_DECIDING)})
    if not keys or len(keys) > _MAX_KEYS:
        return keys or None
    given = [{k: v for k, v in e.path.given.items() if k.startswith(_DECIDING)} for e in free]
    for values in product((True, False), repeat=len(keys)):
        world = dict(zip(keys, values, strict=True))
        if not any(all(world[k] is v for k, v in g.items()) for g in given):
            return keys
    return None


def _depends(through: list[End], deciding: list[str], request_known: bool) -> Finding:
    labels = {label for e in through for label in e.path.labels}
    keys = {k for e in through for k in e.path.given if k.startswith(_DECIDING)}
    asked = sorted(k[6:] for k in keys if k.startswith("asked:"))
    other = sorted(k for k in keys if not k.startswith("asked:"))
    if asked and not request_known:
        return Finding("gate" if not other and not labels else "unknown", _why(labels, other, asked), by_request=True)
    return Finding("unknown", _why(labels, other, asked))


def _why(labels: Iterable[tuple[str, str]], other: list[str], asked: list[str]) -> str:
    for kind, text in sorted(labels):
        if kind == "config":
            return f"depends on configuration {text}"
    for key in sorted(other, key=lambda k: (not authish(k.lower()), k)):
        return f"depends on configuration {key[5:]}" if key.startswith("flag:") else "callers from some addresses pass without a credential"
    for kind, text in sorted(labels):
        return f"{text} could not be followed" if kind == "unsure" else text
    return f"some routes are exempt: {asked[0]}" if asked else ""


def settle(ends: list[End], role: str, depth: int = 0) -> list[End]:
    """Where a verification decides the way, the stranger goes where he is refused."""
    out = [e for e in ends if len(e.path.choices) <= depth]
    forks: dict[int, tuple[list[End], list[End]]] = {}
    for end in ends:
        if len(end.path.choices) > depth:
            choice = end.path.choices[depth]
            forks.setdefault(choice.fork, ([], []))[0 if choice.went else 1].append(end)
    for yes, no in forks.values():
        out += _pick(settle(yes, role, depth + 1), settle(no, role, depth + 1), role)
    return out


def _pick(yes: list[End], no: list[End], role: str) -> list[End]:
    refused = [ends for ends in (yes, no) if ends and _all_refused(ends, role)]
    return refused[0] if len(refused) == 1 else [*yes, *no]


def _all_refused(ends: list[End], role: str) -> bool:
    return not any(passes(e, role) for e in ends) and any(_refusing(e, role) for e in ends)
