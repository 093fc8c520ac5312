"""A key, token or code that others can compute or guess."""

from __future__ import annotations

from collections.abc import Iterator
from weakref import WeakKeyDictionary

from ostiary.model.finding import Confidence, Finding, Severity
from ostiary.scan.code.ir import Expr, Function, Module, walk
from ostiary.scan.code.sites import Call
from ostiary.scan.code.world import World
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._bits import bits
from ostiary.scan.rules._callers import calls_of
from ostiary.scan.rules._facts import target_name
from ostiary.scan.rules._flows import Flow, text_of
from ostiary.scan.rules._making import Kind, Part, callee_name, parts
from ostiary.scan.rules._words import MAYBE, NO, SURE, listed, names_secret, words

rule = Rule("weak-key-generation")

_FIX = "Take it from the system's generator, 32 bytes of it:\nsecrets.token_urlsafe(32)"
# 128 are asked for; uuid4 brings 122, and everybody uses it
_ENOUGH, _FEW = 120, 64
_CODES = listed("otp totp pin")
_CODE_OF = listed(
    "reset verification verify confirmation confirm activation auth access login recovery backup time security sms email invite"
)
_SESSIONS = frozenset({("session", "id"), ("session", "key"), ("session", "token")})
_TOKEN_OF = listed(
    "access api auth bearer login session refresh reset user password invite invitation verification confirmation activation"
    " magic email registration signup download unsubscribe remember"
)
_NOT_OURS = listed(
    "cache idempotency csrf xsrf test tests fake mock dummy example sample mask masked pad padding eos bos unk vocab special"
    " special tokens num count max min hash hashed salt digest encryption derived fernet page next sync continuation partition"
    " object row sort lock job task event dedup request trace"
)
_NEVER = listed("salt pass auth credential credentials pepper")
_SAID = {
    Kind.RANDOM: "made with the random module, whose next values follow from the earlier ones",
    Kind.CLOCK: "made of the time, which others know as well",
    Kind.UUID1: "made with uuid1, which is the time and the address of the network card",
    Kind.GUESSABLE: "a hash of what others know",
}

_LAMBDAS: WeakKeyDictionary[World, dict[Module, dict[Function, str]]] = WeakKeyDictionary()


@rule.on_call(
    *("choice", "choices", "sample", "randint", "randrange", "random", "getrandbits", "randbytes", "uniform", "integers"),
    *("uuid1", "time", "time_ns", "now", "utcnow", "today"),
)
def predictable(call: Call) -> Found:
    """A secret made with ``random``, ``uuid1`` or the clock, here or in a function that calls this one."""
    if not callee_name(Flow.at(call), call.expr).startswith(("random.", "numpy.random.", "uuid.uuid1", "time.time", "datetime.")):
        return
    for name, made in _secrets_of(call):
        weak = _weakest(list(made))
        if weak is not None and weak.expr is call.expr:
            yield from _reported(call, name, weak)
            return


@rule.on_call("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s", "sha3_256", "new")
def hashed(call: Call) -> Found:
    """A secret that is the hash of a name, an e-mail address, an id."""
    if not callee_name(Flow.at(call), call.expr).startswith("hashlib."):
        return
    inside = [part.expr for part in parts(Flow.at(call), call.expr)]
    for name, found in _named_in(call, call.function):
        made = list(found)
        weak = _weakest(made)
        if weak is not None and weak.kind is Kind.GUESSABLE and all(part.hashed for part in made) and weak.expr in inside:
            yield from _reported(call, name, weak)
            return


@rule.on_call("token_hex", "token_urlsafe", "token_bytes", "urandom", "uuid4", "choice", "getrandbits", "randbits")
def short(call: Call) -> Found:
    """A secret of the system's generator with fewer than 128 bits."""
    flow = Flow.at(call)
    for name, expr in _namings(call.world, call.function):
        if grade(name) == NO or _is_code(name) or "pass" in name.lower():
            continue
        if not any(part.kind is Kind.STRONG and part.expr is call.expr for part in parts(flow, expr)):
            continue
        held = bits(flow, expr)
        if held is not None and held < _ENOUGH:
            yield _short(call, name, held)
            return


def _short(call: Call, name: str, held: float) -> Finding:
    severity = Severity.HIGH if held < _FEW else Severity.MEDIUM
    confidence = Confidence.HIGH if grade(name) == SURE else Confidence.MEDIUM
    return rule.finding(f"{name} has {held:.0f} random bits, and 128 are wanted", call, confidence, severity=severity, fix=_FIX)


def _reported(call: Call, name: str, weak: Part) -> Found:
    """A code that people type is short on purpose, and tries of it are limited: that its generator is weak weighs less."""
    severity = Severity.MEDIUM if _is_code(name) else None
    sure = grade(name) == SURE and weak.kind is not Kind.GUESSABLE
    yield rule.finding(f"{name} is {_SAID[weak.kind]}", call, Confidence.HIGH if sure else Confidence.MEDIUM, severity=severity, fix=_FIX)


def _secrets_of(call: Call) -> Iterator[tuple[str, Iterator[Part]]]:
    """(name, what it is made of) of all that is called a secret where the value of this call may end up."""
    yield from _named_in(call, call.function)
    if call.name.startswith(("random.", "numpy.", "uuid.")):
        # ``parts`` looks into the functions that are called, so names are enough to find who might call this one
        for caller in dict.fromkeys(caller for caller, _ in calls_of(call.world, call.function.name)):
            if caller is not call.function:
                yield from _named_in(call, caller)


def _named_in(call: Call, function: Function) -> Iterator[tuple[str, Iterator[Part]]]:
    flow = Flow(call.world, function)
    for name, expr in _namings(call.world, function):
        if grade(name) > NO:
            yield name, parts(flow, expr)


def _weakest(made: list[Part]) -> Part | None:
    """The weak part of a value all of whose parts are weak."""
    if any(part.kind in (Kind.STRONG, Kind.UNKNOWN) for part in made):
        return None
    return next((part for kind in _SAID for part in made if part.kind is kind), None)


def _namings(world: World, function: Function) -> Iterator[tuple[str, Expr]]:
    """Every expression of a function that goes by a name: assigned, returned, given under a keyword, put under a key."""
    for node in walk(function.body):
        tag = node[0]
        if tag == "assign" and node[3] is not None:
            yield from ((name, node[3]) for target in node[2] if (name := target_name(target)))
        elif tag == "aug" and node[2][0] == "name":
            yield node[2][2], node[4]
        elif tag == "return" and node[2] is not None:
            yield _own_name(world, function), node[2]
        elif tag == "call":
            yield from ((name, value) for name, value in node[4] if name is not None and value[0] != "lambda")
        elif tag == "dict":
            yield from ((key[2], value) for key, value in zip(node[2], node[3], strict=True) if text_of(key))


def _own_name(world: World, function: Function) -> str:
    """A function is called like what it returns; a lambda like the column or field whose default it is."""
    if function.name != "<lambda>":
        return function.name
    kept = _LAMBDAS.setdefault(world, {})
    module = function.module
    if module not in kept:
        kept[module] = _lambdas(module)
    return kept[module].get(function, "")


def _lambdas(module: Module) -> dict[Function, str]:
    """The names of the columns and fields that lambdas at module and class level are for."""
    found: dict[Function, str] = {}
    for scope in (module.body, *(cls.body for cls in module.classes)):
        for node in walk(scope):
            if node[0] == "assign" and node[3] is not None:
                for part in walk(node[3]):
                    if part[0] == "lambda":
                        found.setdefault(part[2], target_name(node[2][0]))
    return found


def grade(name: str) -> int:
    """SURE for ``api_key``, ``reset_token``, ``session_id``; MAYBE for ``token``; NO for ``cache_key`` and ``max_tokens``."""
    own = words(name)
    if not own or _NOT_OURS & set(own):
        return NO
    if _is_code(name) or own[-2:] in _SESSIONS:
        return SURE if _is_code(name) else MAYBE
    if own[-1] in ("token", "tokens") and len(own) > 1 and own[-2] in _TOKEN_OF:
        return SURE
    found = names_secret("_".join(word for word in own if word not in ("reset", "forgot", "new", "get")))
    # a key without a word that says what it opens is one of a cache, a bucket, a mapping
    return NO if own[-1] in _NEVER or (found == MAYBE and own[-1].rstrip("s") == "key") else found


def _is_code(name: str) -> bool:
    own = words(name)
    return bool(own) and (own[-1] in _CODES or (own[-1] == "code" and bool(_CODE_OF & set(own[:-1]))))
