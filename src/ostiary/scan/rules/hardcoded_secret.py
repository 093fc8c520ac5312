"""A key, password or signing secret that stands in the source."""

from __future__ import annotations

from collections.abc import Iterator

from ostiary.model.finding import Confidence
from ostiary.scan.code.ir import Expr, Function, last_name, line_of
from ostiary.scan.code.sites import Compare, Site
from ostiary.scan.records import record
from ostiary.scan.rules import Found, Rule, sites_of
from ostiary.scan.rules._facts import facts
from ostiary.scan.rules._flows import Flow, text_of
from ostiary.scan.rules._literals import NOTHING, PASSWORD, WORDS, looks
from ostiary.scan.rules._secrets import Verdict, judge
from ostiary.scan.rules._sources import credential, read_of
from ostiary.scan.rules._words import NO, SURE, listed, names_secret, words

rule = Rule("hardcoded-secret")

_FIX = (
    'Read it from the environment and refuse to start without it:\n{name} = os.environ["{name}"]\nThen revoke the value that was committed.'
)
_LONG = 16
_ENV_CALLS = listed("getenv config env")
_SIGNERS = listed("encode decode URLSafeTimedSerializer URLSafeSerializer TimedSerializer Serializer Signer TimestampSigner Fernet")
_HASHERS = listed("generate_password_hash hash_password get_password_hash hashpw set_password")
_TAKERS = _ENV_CALLS | _SIGNERS | _HASHERS | {"get", "setdefault"}
# Keyword arguments of these describe a field, a column or a form: they hold names and labels.
_DESCRIBING = listed(
    "Field Column mapped_column Query Header Cookie Body Form Path File StringField PasswordField Option Argument"
    " add_argument Parameter url_for render_template gettext _ Schema String OpenApiParameter param doc response expect"
    " setattr namedtuple Enum lazy_gettext"
)
_DESCRIBED = listed("example examples properties schema json_schema_extra openapi_examples placeholders labels messages responses")
_SCHEME_WORDS = listed("bearer basic token null none undefined true false digest apikey jwt password test access refresh")


@record(frozen=True)
class Suspect:
    """A literal with the name it goes by; ``where`` is assign, default, keyword, item or argument."""

    name: str
    text: str
    at: int
    where: str
    owner: str = ""
    shouted: bool = False


@rule.on_module
def stored(site: Site) -> Found:
    """Assignments, defaults, keyword arguments and dict items; one finding a line."""
    lines: set[int] = set()
    for suspect, verdict in literals(site):
        line = line_of(suspect.at)
        if line not in lines:
            lines.add(line)
            place = Site(site.world, site.module, site.function, suspect.at)
            yield rule.finding(verdict.message, place, verdict.confidence, fix=_FIX.format(name=variable(suspect.name)))


def literals(site: Site) -> Iterator[tuple[Suspect, Verdict]]:
    """Each literal of a module that is a secret, also several in a line."""
    for suspect in _suspects(site):
        verdict = _judge(suspect)
        if verdict is not None:
            yield suspect, verdict


def variable(name: str) -> str:
    """The environment variable for a name: ``smtpPassword`` → ``SMTP_PASSWORD``."""
    return "_".join(words(name)).upper() or "SECRET"


def _judge(suspect: Suspect) -> Verdict | None:
    return judge(suspect.name, suspect.text, suspect.where, owner=suspect.owner, shouted=suspect.shouted)


def _suspects(site: Site) -> Iterator[Suspect]:
    for item in facts(site).assignments:
        owner = item.owner.name if item.owner is not None else ""
        top = (item.owner is None and (item.function.name == "<module>" or item.target[0] == "sub")) or _on_app(item.target)
        yield from _in_value(item.name, item.value, "assign", owner, top)
    for function in sites_of(site.module):
        yield from _in_defaults(function)
        for call in function.calls:
            if _worth_a_look(call):
                yield from _in_call(call)


def _on_app(target: Expr) -> bool:
    """``app.secret_key = …``."""
    return target[0] == "attr" and last_name(target[2]) in ("app", "application", "flask_app", "server")


def _in_value(name: str, value: Expr, where: str, owner: str = "", shouted: bool = False) -> Iterator[Suspect]:
    """The literals that an expression may put under a name."""
    tag = value[0]
    if tag == "str":
        yield Suspect(name, value[2], value[1], where, owner, shouted)
    elif tag == "const" and type(value[2]) is bytes:
        yield Suspect(name, value[2].decode("latin-1"), value[1], where, owner, shouted)
    elif tag == "bool" and value[2] == "or":
        yield from _in_value(name, value[3][-1], "default", owner, shouted)
    elif tag == "ifexp":
        yield from _in_value(name, value[4], "default", owner, shouted)
    elif tag == "dict":
        if names_secret(name) and name.lower().endswith("s"):
            yield from (Suspect(name, key[2], key[1], "item", owner) for key in value[2] if key is not None and key[0] == "str")
        yield from _in_dict(value)
    elif tag == "seq":
        for item in value[3]:
            yield from _in_value(name, item, "item", owner)
    elif tag == "call":
        yield from _wrapped(name, value, where, owner, shouted)


def _wrapped(name: str, call: Expr, where: str, owner: str, shouted: bool) -> Iterator[Suspect]:
    """``SecretStr("…")``, ``"…".encode()``, ``Field(default="…")``."""
    last = last_name(call[2])
    if last in ("SecretStr", "Secret", "SecretBytes", "bytes", "str") and call[3]:
        yield from _in_value(name, call[3][0], where, owner, shouted)
    elif last == "encode" and call[2][0] == "attr" and call[2][2][0] == "str":
        yield from _in_value(name, call[2][2], where, owner, shouted)
    elif last == "Field" and names_secret(name):
        given = [value for key, value in call[4] if key == "default"] or list(call[3][:1])
        for value in given:
            yield from _in_value(name, value, where, owner, shouted)


def _in_dict(value: Expr) -> Iterator[Suspect]:
    for key, item in zip(value[2], value[3], strict=True):
        name = text_of(key)
        if name in _DESCRIBED:
            continue
        if item[0] == "str" and len(item[2]) < _LONG and not names_secret(name or ""):
            continue
        if item[0] in ("str", "const", "dict", "seq"):
            yield from _in_value(name or "", item, "item")


def _in_defaults(function: Function) -> Iterator[Suspect]:
    for param in function.params:
        if param.default is not None and param.default[0] == "str" and names_secret(param.name):
            yield Suspect(param.name, param.default[2], param.default[1], "keyword")


def _worth_a_look(call: Expr) -> bool:
    """Cheap: it is given a dict, a long text, something under a name, or it is known to take secrets."""
    for arg in call[3]:
        if arg[0] == "dict" or (arg[0] == "str" and len(arg[2]) >= _LONG):
            return True
    return bool(call[4]) or (bool(call[3]) and last_name(call[2]) in _TAKERS)


def _in_call(call: Expr) -> Iterator[Suspect]:
    last = last_name(call[2])
    if call[3]:
        yield from _in_arguments(call, last)
    if last in _DESCRIBING:
        return
    for name, value in call[4]:
        if name is None:
            continue
        if value[0] == "dict":
            if name not in _DESCRIBED:
                yield from _in_dict(value)
        elif value[0] in ("str", "const") and (names_secret(name) or (value[0] == "str" and len(value[2]) >= _LONG)):
            yield from _in_value(name, value, "keyword", shouted=name.isupper())


def _in_arguments(call: Expr, last: str) -> Iterator[Suspect]:
    for position, value in enumerate(call[3]):
        tag = value[0]
        if tag == "dict":
            yield from _in_dict(value)
        elif tag == "str" and len(value[2]) >= _LONG:
            yield Suspect("", value[2], value[1], "argument")
        if position == 1 and tag in ("str", "const") and last in ("encode", "decode") and _is_jwt(call[2]):
            yield from _in_value("jwt_secret", value, "assign", shouted=True)
        if position == 0 and tag == "str" and last in _HASHERS:
            yield Suspect("password", value[2], value[1], "default")
        if position == 0 and tag in ("str", "const") and last in _SIGNERS and last not in ("encode", "decode"):
            yield from _in_value("secret_key", value, "assign", shouted=True)
    key = text_of(call[3][0])
    if key is not None and names_secret(key) and _reads_environment(call, last):
        default = call[3][1] if len(call[3]) > 1 else next((v for k, v in call[4] if k == "default"), None)
        if default is not None:
            yield from _in_value(key, default, "default", shouted=True)


def _is_jwt(func: Expr) -> bool:
    return func[0] == "attr" and "jwt" in last_name(func[2]).lower()


def _reads_environment(call: Expr, last: str) -> bool:
    if last in _ENV_CALLS:
        return True
    return call[2][0] == "attr" and (
        (last in ("get", "setdefault") and last_name(call[2][2]) == "environ") or last_name(call[2][2]) == "env"
    )


@rule.on_compare
def compared(site: Compare) -> Found:
    """``if key == "…"``: the key is the literal."""
    if site.op not in ("==", "!=", "in", "not in"):
        return
    literals = _literals(site.right) or (_literals(site.left) if site.op in ("==", "!=") else ())
    asked = site.left if _literals(site.right) else site.right
    if not literals or not _may_be_credential(asked):
        return
    confidence = _compared(Flow.at(site), asked, literals)
    if confidence is not None:
        what = f"{_said(asked)} is compared with a literal of {max(map(len, literals))} characters"
        yield rule.finding(what, site, confidence, fix="Keep a hash of the key outside the source and compare with hmac.compare_digest.")


def _literals(expr: Expr) -> tuple[str, ...]:
    if expr[0] == "str":
        return (expr[2],) if len(expr[2]) >= 4 else ()
    if expr[0] == "seq":
        return tuple(item[2] for item in expr[3] if item[0] == "str" and len(item[2]) >= 4)
    return ()


def _may_be_credential(expr: Expr) -> bool:
    read = read_of(expr)
    if read is not None:
        return names_secret(read[1]) > NO or "auth" in read[1].lower()
    return names_secret(last_name(expr)) > NO or "auth" in last_name(expr).lower() if expr[0] in ("name", "attr") else False


def _compared(flow: Flow, asked: Expr, literals: tuple[str, ...]) -> Confidence | None:
    best = max((looks(text) for text in literals if text.lower() not in _SCHEME_WORDS), default=NOTHING)
    if best == NOTHING:
        return None
    source = flow.trace(asked, credential)
    if source is not None and source.sure and best >= WORDS:
        return Confidence.HIGH if best >= PASSWORD or source.kind == "header" else Confidence.MEDIUM
    if best < PASSWORD:
        return None
    read = read_of(asked)
    name = read[1] if read is not None else last_name(asked)
    return Confidence.MEDIUM if names_secret(name) == SURE else None


def _said(expr: Expr) -> str:
    read = read_of(expr)
    return read[1] if read is not None else last_name(expr)
