"""``ostiary.lock``: the protection of an API as one sorted line per route, and what a change does to it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from ostiary.errors import ConfigError
from ostiary.model.finding import Audience
from ostiary.model.route import Route, State
from ostiary.scan.lock_line import Entry, entry_of, parse_line
from ostiary.scan.rates import first_lost

NAME = "ostiary.lock"
HEADER = "# ostiary.lock schema 1"
_ABOUT = "# What protects each route. Write it with: ostiary lock PATH · compare with: ostiary lock PATH --check"
_OPENED, _LOOSENED = "opened", "loosened"


@dataclass(frozen=True, slots=True)
class Change:
    """One route that is no longer as the lock says. ``kind``: opened, loosened, added, removed, tightened or changed."""

    kind: str
    why: str
    before: Entry | None
    after: Entry | None

    @property
    def bad(self) -> bool:
        """Does it let somebody in who was not let in before?"""
        return self.kind in (_OPENED, _LOOSENED)

    def __str__(self) -> str:
        entry = self.after or self.before
        name = f"{entry.method} {entry.path}" if entry else ""
        return f"{self.kind}: {name}: {self.why}\n- {self.before or '(not there)'}\n+ {self.after or '(not there)'}"


def render(routes: Iterable[Route]) -> str:
    """The text of the lock for these routes; samples are left out."""
    lines = dict.fromkeys(str(entry) for entry in _entries(routes))
    return "\n".join([HEADER, _ABOUT, *lines]) + "\n"


def parse(text: str, file: str = NAME) -> tuple[Entry, ...]:
    """The entries of a lock; ConfigError with file and line when a line is none."""
    lines = text.splitlines()
    if not lines or lines[0].strip() != HEADER:
        raise ConfigError(f"a lock begins with {HEADER!r}; write one with: ostiary lock PATH", file, 1)
    entries = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        entry = parse_line(line.rstrip())
        if entry is None:
            raise ConfigError(f"no line of a lock: {line[:60]!r}", file, number)
        entries.append(entry)
    return tuple(entries)


def check(old_text: str, routes: Iterable[Route], file: str = NAME) -> list[Change]:
    """What is different from the lock, worst first, then by path."""
    before, after = _by_key(parse(old_text, file)), _by_key(_entries(routes))
    changes = [change for key in before.keys() | after.keys() for change in _compare_all(before[key], after[key])]
    kinds = (_OPENED, _LOOSENED, "added", "removed", "changed", "tightened")
    return sorted(changes, key=lambda change: (kinds.index(change.kind), _order(change.after or change.before)))


def _entries(routes: Iterable[Route]) -> list[Entry]:
    entries = [entry_of(route) for route in routes if route.audience != Audience.SAMPLE]
    apps = Counter(key for key, _ in {(entry.key, entry.app) for entry in entries})
    named = (entry if apps[entry.key] > 1 else replace(entry, app="") for entry in entries)
    return sorted(named, key=_order)


def _order(entry: Entry | None) -> tuple[str, ...]:
    return (entry.path, entry.method, entry.app, str(entry)) if entry else ()


def _by_key(entries: Iterable[Entry]) -> defaultdict[tuple[str, str], list[Entry]]:
    found: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        found[entry.key].append(entry)
    return found


def _compare_all(before: Sequence[Entry], after: Sequence[Entry]) -> list[Change]:
    """Entries of one method and path: those of one app belong together, then those that say the same, then the others in their order."""
    left, right = list(before), list(after)
    pairs = _take_pairs(left, right, lambda entry: entry.app) + _take_pairs(left, right, lambda entry: str(replace(entry, app="")))
    pairs += zip_longest(left, right)
    return [change for old, new in pairs if (change := _compare(old, new)) is not None]


def _take_pairs(left: list[Entry], right: list[Entry], same: Callable[[Entry], str]) -> list[tuple[Entry | None, Entry | None]]:
    pairs: list[tuple[Entry | None, Entry | None]] = []
    for old in tuple(left):
        new = next((entry for entry in right if same(entry) == same(old)), None)
        if new is not None:
            left.remove(old)
            right.remove(new)
            pairs.append((old, new))
    return pairs


def _compare(old: Entry | None, new: Entry | None) -> Change | None:
    if old is None or new is None:
        return _came_or_went(old, new)
    if replace(old, app="") == replace(new, app=""):
        return None
    if why := _opens(old, new):
        return Change(_OPENED, why, old, new)
    if why := _loosens(old, new):
        return Change(_LOOSENED, why, old, new)
    if new.state is State.PROTECTED and (_opens(new, old) or _loosens(new, old)):
        return Change("tightened", "more is asked of callers", old, new)
    return Change("changed", "said differently" if old.state is new.state else f"was {old.state.value}, is {new.state.value}", old, new)


def _came_or_went(old: Entry | None, new: Entry | None) -> Change:
    if new is None:
        return Change("removed", "the route is gone", old, new)
    if new.state is State.OPEN:
        return Change(_OPENED, "a new route that nothing protects", old, new)
    return Change("added", f"a new route, {new.state.value}", old, new)


def _opens(old: Entry, new: Entry) -> str:
    if new.state is State.OPEN and old.state is not State.OPEN:
        return f"it was {old.state.value}, and nothing protects it now"
    return ""


def _loosens(old: Entry, new: Entry) -> str:
    """Why ``new`` asks less of callers than ``old``, or an empty text."""
    if old.state is State.PROTECTED and new.state is not State.PROTECTED:
        return f"it was protected, and is {'public' if new.state is State.PUBLIC else 'no longer known to be'} now"
    if old.state is State.UNKNOWN and new.state is State.PUBLIC:
        return "it was not known to be open, and is public now"
    lost = [name for name in old.by if name not in new.by] if old.state is State.PROTECTED else []
    if lost:
        return f"it lost {', '.join(lost)}"
    if scopes := [scope for scope in old.scopes if scope not in new.scopes]:
        return f"it no longer demands {', '.join(scopes)}"
    limit = first_lost(old.limits, new.limits)
    return f"it lost the limit {limit}" if limit else ""
