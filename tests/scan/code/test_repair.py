"""Code for newer Pythons means what it means there, on the same lines, whichever Python reads it."""

from __future__ import annotations

import ast
import random
import sys
import time
import warnings

import pytest

from ostiary.scan.code.convert import Unparsable
from ostiary.scan.code.repair import quickly, repair
from tests.scan.code.shape import read, shape

ERROR = SyntaxError("invalid syntax")

# (what only a newer Python reads, what it means to an older one): the lines of both are the same
SAME = [
    ("try:\n    x()\nexcept A, B:\n    y()", "try:\n    x()\nexcept (A, B):\n    y()"),
    ("try:\n    x()\nexcept a.B, c.D, E :  # note\n    y()", "try:\n    x()\nexcept (a.B, c.D, E):\n    y()"),
    ("try:\n    x()\nexcept* A, B:\n    y()", "try:\n    x()\nexcept* (A, B):\n    y()"),
    ("try:\n    x()\nexcept *A, B:\n    y()", "try:\n    x()\nexcept* (A, B):\n    y()"),
    ("try:\n    x()\nexcept A, f(1, 2): y()", "try:\n    x()\nexcept (A, f(1, 2)): y()"),
    ("try: x()\nexcept A, B,: y()", "try: x()\nexcept (A, B): y()"),
    ("def f[T](x: T) -> T: ...", "def f(x: T) -> T: ..."),
    ("async def f[T: (int, str), *Ts, **P](x): ...", "async def f(x): ..."),
    ("def f[\n    T: Base,  # the base\n\n    U = int,\n](x):\n    g()", "def f(\n\n\n\nx):\n    g()"),
    ("class C[T](Base[T]):\n    def m[U](self): g()", "class C(Base[T]):\n    def m(self): g()"),
    ("class C[T: dict[str, list[int]]]:\n    x = 1", "class C:\n    x = 1"),
    ("class C[T = int]: x = 1", "class C: x = 1"),
    ("type X = Annotated[User, Depends(get)]", "X = Annotated[User, Depends(get)]"),
    ("type X[T] = list[T]", "X = list[T]"),
    ("class A:\n    type X = (\n        int\n        | str\n    )\n    y = 1", "class A:\n    X = (\n        int\n        | str\n    )\n    y = 1"),
    ("type type = type", "type = type"),
    ('x = f"{d["k"]}"', "x = f\"{d['k']}\""),
    ('x = f"a {d["k"]!r:>{w}} b {e}"', "x = f\"a {d['k']!r} b {e}\""),
    ('x = f"{"\\n".join(y)} z"', "x = f\"{NL.join(y)} z\""),
    ("x = f'{a['b']}' 'c' f'{d}'", "x = f'{a[\"b\"]}' 'c' f'{d}'"),
    ("x = ('a'\n     f'{b['c']}'  # note\n     'd')", "x = ('a'\n     f'{b[\"c\"]}'\n     'd')"),
    ('x = f"{\n    call(  # why\n        1)\n}"\ny = 2', 'x = f"""{\n    call(\n        1)}"""\n\ny = 2'),
    ('x = f"""\n{d["""k"""]}\n{e}"""\ny()', "x = f'''\n{d[\"k\"]}\n{e}'''\ny()"),
    ('x = f"{f"{f"{a}"}"}"', "x = f\"{f'{a}'}\""),
    ('x = f"{{{d["k"]}}}"', "x = f\"{{{d['k']}}}\""),
    ('x = f"{a == b and d["k"]}"', "x = f\"{a == b and d['k']}\""),
    ('x = f"{a, d["k"]}"', "x = f\"{a, d['k']}\""),
    ('x = f"{(lambda: d["k"])()}"', "x = f\"{(lambda: d['k'])()}\""),
    ('x = f"{d["k"]:{"a" if b else "c"}}"', "x = f\"{d['k']}\""),
    ('x = f"{d["k"]:%H:%M}"', "x = f\"{d['k']}\""),
    ('x = rf"\\d{d["k"]}\\{e}"', "x = rf\"\\d{d['k']}\\{e}\""),
    ('x = f"\\N{EN DASH}{d["k"]}"', "x = f\"\\N{EN DASH}{d['k']}\""),
    ('x = f"\\"{d["k"]}\\\\"', "x = f\"\\\"{d['k']}\\\\\""),
    ('x = f"""say "{d["""k"""]}" """', "x = f\"\"\"say \"{d['k']}\" \"\"\""),
    ("x = t'hello {name}'", "x = f'hello {name}'"),
    ("x = Rt'a{b}' rT'{c}'", "x = Rf'a{b}' rf'{c}'"),
    ('x = t"{d["k"]}"', "x = f\"{d['k']}\""),
    ("lazy import a.b as c", "import a.b as c"),
    ("lazy from a import b", "from a import b"),
]  # fmt: skip


def lines(source: str) -> tuple[object, ...]:
    """What a module holds, with line numbers; names that only a test can know made equal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tuple(shape(statement, places=True) for statement in read(source).body)


def fixed(source: str) -> str:
    out = repair(source.encode(), ERROR)
    assert out is not None
    return out.decode()


@pytest.mark.parametrize(("new", "old"), [pair for pair in SAME if "NL" not in pair[1] and "f'{f'{a}'}'" not in pair[1]])
def test_new_syntax_is_read_as_what_it_means(new: str, old: str) -> None:
    """Any Python reads the new form as it reads the old one, line by line."""
    assert loose(lines(new)) == loose(lines(old))


def loose(node: object) -> object:
    """Nested f-strings flattened and neighbouring texts joined: two ways of writing one string."""
    if not isinstance(node, tuple):
        return [loose(part) for part in node] if isinstance(node, list) else node
    if node and node[0] == "fstr":
        return ("fstr", node[1], texts(pieces(node)))
    return tuple(loose(part) for part in node)


def pieces(node: tuple[object, ...]) -> list[object]:
    out: list[object] = []
    for part in node[2]:  # type: ignore[attr-defined]
        out += pieces(part) if part[0] == "fstr" else [loose(part)]
    return out


def texts(parts: list[object]) -> list[object]:
    out: list[object] = []
    for part in parts:
        if isinstance(part, tuple) and part[0] == "str" and out and isinstance(out[-1], tuple) and out[-1][0] == "str":
            out[-1] = ("str", 0, out[-1][2] + part[2])
        elif isinstance(part, tuple) and part[0] == "str":
            out.append(("str", 0, part[2]))
        else:
            out.append(part)
    return out


@pytest.mark.parametrize("new", [pair[0] for pair in SAME])
def test_the_rewritten_form_is_python_of_every_version(new: str) -> None:
    """The oldest grammar that we run on accepts it, and no line has moved."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ast.parse(fixed(new), feature_version=(3, 11))
    assert fixed(new).count("\n") == new.count("\n")


@pytest.mark.parametrize("new", [pair[0] for pair in SAME])
def test_where_this_python_reads_it_itself_the_rewritten_form_means_the_same(new: str) -> None:
    """An oracle: the interpreter's own parser, where it is new enough."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(new)
    except SyntaxError:
        return
    assert loose(lines(new)) == loose(lines(fixed(new)))


@pytest.mark.parametrize(
    "source",
    [
        "try: x\nexcept (A, B): y",
        "try: x\nexcept A as e: y",
        "try: x\nexcept: y",
        "x = f'{a}' f\"{d['k']}\" rf'\\d{b:>{c}}' f'''\n{d}'''",
        "x = {type: 1}\ntype = 2\nx[type]\ntype(x)\nlazy = 3",
        "f[T](x)\nx = '''def f[T](x)\nexcept A, B:\n'''  # type X = 1",
    ],
)
def test_old_syntax_is_left_alone(source: str) -> None:
    assert repair(source.encode(), ERROR) is None


def test_columns_stay_where_a_space_gives_room() -> None:
    """The parenthesis takes the place of the space, the brackets become spaces."""
    assert fixed("except A, B:") == "except(A, B):"
    assert fixed("def f[T: int](x): ...") == "def f        (x): ..."
    assert fixed("type X[T] = list[T]") == "X         = list[T]"


@pytest.mark.parametrize("ending", ["\r\n", "\r", "\n"])
def test_line_endings_of_every_kind(ending: str) -> None:
    source = ending.join(["try:", "    x()", "except A, B:", "    def f[", "        T,", "    ](y): z()", 'w = f"{d["k"]}"', ""])
    assert [s[1] for s in lines(source)] == [1, 7]
    assert [f.line for f in read(source).functions] == [4]


def test_a_byte_order_mark_does_not_hide_the_first_word() -> None:
    assert shape(read(b"\xef\xbb\xbftype X = int").body) == shape(read("X = int").body)


def test_files_of_other_encodings() -> None:
    source = "# -*- coding: latin-1 -*-\ntry: x\nexcept A, B: y('é')".encode("latin-1")
    assert read(source).body[0][3][0][3][0][2][3][0][2] == "é"


@pytest.mark.parametrize(
    "piece",
    [
        'f"{',
        "f'{f'{",
        'f"""{',
        "except A, ",
        "def f[",
        "type X[",
        "class C[a",
        'f"{x:{',
        "'''",
        '"',
        "\\",
        "f'{'",
        "(",
        'f"{a!r:\\',
        "{%",
        "t'{t\"{",
    ],
)
def test_hostile_repetition_costs_linear_time(piece: str) -> None:
    """Ten times the length takes nowhere near a hundred times as long, and nothing is raised."""
    started = time.process_time()
    repair((piece * (200_000 // len(piece))).encode(), ERROR)
    assert time.process_time() - started < 5


def test_noise_is_never_an_error() -> None:
    """Whatever the bytes, the answer is bytes or None."""
    words = [
        'f"',
        "f'",
        '"""',
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        ":",
        "!r",
        "=",
        "\\",
        "\n",
        "\r",
        " ",
        "except",
        "def",
        "class",
        "type",
        "X",
        ",",
        "#",
        "\xe9",
    ]
    chance = random.Random(7)
    for _ in range(3000):
        source = "".join(chance.choice(words) for _ in range(chance.randrange(40))).encode("latin-1")
        found = repair(source, ERROR)
        assert found is None or found.count(b"\n") == source.count(b"\n")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("print 'hello'", "Python 2 (line 1)"),
        ("x = 1\nprint x, y", "Python 2 (line 2)"),
        ("try: x\nexcept A, e: print 'no'", "Python 2 (line 2)"),
        ("raise E, 'text'", "Python 2 (line 1)"),
        ("if a <> b: pass", "Python 2 (line 1)"),
        ("mode = 0755", "Python 2 (line 1)"),
        ("{% if x %}\ny = 1\n{% endif %}", "a template, not Python (line 1)"),
        ("import {{ cookiecutter.name }}", "a template, not Python (line 1)"),
        ("<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> b", "an unresolved merge conflict (line 1)"),
        ("def f():\n<<<<<<< HEAD\n    x = 1", "an unresolved merge conflict (line 2)"),
        ("x = 1\0", "holds null bytes"),
        (b"x = '\xe9'", "neither UTF-8 nor the encoding it declares"),
        (b"# coding: klingon\nx = 1", "declares an encoding that does not exist"),
        ("x = " + "(" * 10_000 + ")" * 10_000, "nested too deeply"),
        ("x = [" * 300, "nested too deeply"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_few_words(source: str | bytes, why: str) -> None:
    with pytest.raises(Unparsable) as raised:
        read(source)
    assert str(raised.value).startswith(why)


def test_a_broken_file_is_not_made_whole() -> None:
    """Repair is for what is new, not for what is wrong."""
    with pytest.raises(Unparsable):
        read("try: x\nexcept A, B: y\ndef f(:\n    pass")


def test_the_running_python_is_one_that_we_promise() -> None:
    assert sys.version_info >= (3, 11)


QUICK = [
    "try:\n    x()\nexcept A, B:\n    y()\nexcept* (C):\n    z()\n",
    "if 1:\n\ttry:\n\t\tx()\n\texcept a.B, c.D :  # note\n\t\ty()\r\n",
    "try: x()\nexcept* A, B: y()\n",
    "def f[T](x: T) -> T: ...\n",
    "async def f[T: (int, str), *Ts](x): ...\n",
    "class C[T: dict[str, int]]:\n    def m[U](self): g()\n",
    "class A:\n    type X[T] = list[T]\n    type Y = int\n",
]


@pytest.mark.parametrize("source", QUICK)
def test_what_stands_in_one_line_is_repaired_quickly_as_by_the_lexer(source: str) -> None:
    """The same bytes come out of both."""
    assert quickly(source.encode(), ERROR) == repair(source.encode(), ERROR) != source.encode()


@pytest.mark.parametrize(
    "source", ["x = 1\n", "type(x)[0] == 1\n", "type x == 1\n", "match = except_a, b\n", "classes[0](1)\n", "def f(x=[1]): ...\n"]
)
def test_what_is_not_newer_is_no_quick_repair(source: str) -> None:
    assert quickly(source.encode(), ERROR) is None


def test_what_spans_lines_is_left_to_the_lexer() -> None:
    """One of each in a file: the quick way gives something that Python cannot read, and the file is read all the same."""
    source = "def f[\n    T,\n](x):\n    g()\ntry:\n    h()\nexcept A, B:\n    k()\n"
    plain = "def f(\n\nx):\n    g()\ntry:\n    h()\nexcept (A, B):\n    k()\n"
    assert loose(lines(source)) == loose(lines(plain))
