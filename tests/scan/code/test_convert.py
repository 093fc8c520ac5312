"""Each kind of node has the one form that ``ir`` promises, with its place; whatever the file, the answer is a Module or Unparsable."""

from __future__ import annotations

import sys
import time
import tracemalloc
from typing import Any

import pytest

from ostiary.scan.code import ir
from ostiary.scan.code.convert import Unparsable
from tests.scan.code.shape import read, shape

A, B, C = ("name", "a"), ("name", "b"), ("name", "c")

EXPRESSIONS: list[tuple[str, Any]] = [
    ("a", A),
    ("a.b.c", ("attr", ("attr", A, "b"), "c")),
    ("'text'", ("str", "text")),
    ("'a' 'b'", ("str", "ab")),
    ("1", ("const", 1)),
    ("b'x'", ("const", b"x")),
    ("None", ("const", None)),
    ("...", ("const", ...)),
    ("f'a{b!r:>{c}}d'", ("fstr", (("str", "a"), B, ("str", "d")))),
    ("a(b, *c, k=1, **b)", ("call", A, (B, ("star", C)), (("k", ("const", 1)), (None, B)))),
    ("a.b()", ("call", ("attr", A, "b"), (), ())),
    ("a()()", ("call", ("call", A, (), ()), (), ())),
    ("await a", A),
    ("a < b is not c", ("cmp", A, ("<", "is not"), (B, C))),
    ("a not in b", ("cmp", A, ("not in",), (B,))),
    ("a and b or c", ("bool", "or", (("bool", "and", (A, B)), C))),
    ("not a", ("not", A)),
    ("-a", ("neg", A)),
    ("a + b - c", ("bin", "-", ("bin", "+", A, B), C)),
    ("a ** b", ("bin", "**", A, B)),
    ("a[b]", ("sub", A, B)),
    ("a[b:c:2]", ("sub", A, ("slice", B, C))),
    ("a[b, c]", ("sub", A, ("seq", "tuple", (B, C)))),
    ("[a, *b]", ("seq", "list", (A, ("star", B)))),
    ("{a}", ("seq", "set", (A,))),
    ("()", ("seq", "tuple", ())),
    ("{a: b, **c}", ("dict", (A, None), (B, C))),
    ("[a for b in c if a if b]", ("comp", "list", A, ((B, C, (A, B)),))),
    ("{a for b in c for c in a}", ("comp", "set", A, ((B, C, ()), (C, A, ())))),
    ("(a for b in c)", ("comp", "gen", A, ((B, C, ()),))),
    ("{a: b for b in c}", ("comp", "dict", ("seq", "tuple", (A, B)), ((B, C, ()),))),
    ("lambda a, /, *b, c=1: a", ("lambda", ("function", 0, "<lambda>", [("a", None, None, "arg"), ("b", None, None, "vararg"), ("c", None, ("const", 1), "kwonly")], (), None, (("return", A),)))),
    ("a if b else c", ("ifexp", B, A, C)),
    ("(yield a)", ("yield", A)),
    ("(yield)", ("yield", None)),
    ("(yield from a)", ("yield", A)),
    ("(a := b)", ("walrus", "a", B)),
]  # fmt: skip
STATEMENTS: list[tuple[str, Any]] = [
    ("a", ("expr", A)),
    ("a = b = c", ("assign", (A, B), C, None)),
    ("a, *b = c", ("assign", (("seq", "tuple", (A, ("star", B))),), C, None)),
    ("a: b = c", ("assign", (A,), C, B)),
    ("a: b", ("assign", (A,), None, B)),
    ("a += b", ("aug", A, "+", B)),
    ("a //= b", ("aug", A, "//", B)),
    ("type a = b", ("assign", (A,), B, None)),
    ("return a", ("return", A)),
    ("return", ("return", None)),
    ("raise a from b", ("raise", A)),
    ("raise", ("raise", None)),
    ("if a: b\nelif b: c\nelse: a", ("if", A, (("expr", B),), (("if", B, (("expr", C),), (("expr", A),)),))),
    ("for a in b: c\nelse: a", ("for", A, B, (("expr", C),), (("expr", A),))),
    ("async for a in b: c", ("for", A, B, (("expr", C),), ())),
    ("while a: b\nelse: c", ("while", A, (("expr", B),), (("expr", C),))),
    ("with a as b, c: a", ("with", ((A, B), (C, None)), (("expr", A),))),
    ("async with a: b", ("with", ((A, None),), (("expr", B),))),
    ("try: a\nexcept b as e: c\nexcept: a\nelse: b\nfinally: c", ("try", (("expr", A),), ((4099, B, "e", (("expr", C),)), (1, None, None, (("expr", A),))), (("expr", B),), (("expr", C),))),
    ("match a:\n case 1 if b: c\n case _: a", ("match", A, ((B, (("expr", C),)), (None, (("expr", A),))))),
    ("import a, b.c as d", ("import", (("a", None), ("b.c", "d")))),
    ("from ..a import b as c, d", ("from", 2, "a", (("b", "c"), ("d", None)))),
    ("from . import *", ("from", 1, "", (("*", None),))),
    ("assert a, b", ("assert", A)),
    ("break", ("jump", "break")),
    ("continue", ("jump", "continue")),
    ("del a, b", ("del", (A, B))),
    ("@a\n@b(1)\nasync def f(a: b = c, **k) -> a: b", ("def", ("function", 0, "f", [("a", B, C, "arg"), ("k", None, None, "kwarg")], (A, ("call", B, (("const", 1),), ())), A, (("expr", B),)))),
    ("class D(a, metaclass=b):\n  c = 1", ("class", ("class", 0, "D", (A,), (("metaclass", B),), (("assign", (C,), ("const", 1), None),)))),
]  # fmt: skip


@pytest.mark.parametrize(("source", "form"), EXPRESSIONS)
def test_each_expression_has_its_form(source: str, form: Any) -> None:
    inside = read(f"async def f():\n  {source}").functions[-1].body[0]
    assert shape(inside) == ("expr", form)


@pytest.mark.parametrize(("source", "form"), STATEMENTS)
def test_each_statement_has_its_form(source: str, form: Any) -> None:
    body = read("async def f():\n  " + source.replace("\n", "\n  ")).functions[-1].body
    found = shape(body[0])
    if form[0] == "try":
        form = (*form[:2], tuple((found[2][i][0], *handler[1:]) for i, handler in enumerate(form[2])), *form[3:])
    assert found == form


def test_statements_that_say_nothing_are_left_out() -> None:
    assert read("pass\nglobal a\nx = 1").body == read("\n\nx = 1").body


def places(node: Any) -> list[tuple[str, int, int]]:
    return [(n[0], ir.line_of(n[1]), ir.column_of(n[1])) for n in ir.walk(node)]


def test_places_count_lines_and_columns_from_one() -> None:
    body = read("x = 1\n\nif a.b(c) == [1,\n  'd']:\n    return  y.z").body
    assert places(body) == [
        *[("assign", 1, 1), ("name", 1, 1), ("const", 1, 5)],
        *[("if", 3, 1), ("cmp", 3, 4), ("call", 3, 4), ("attr", 3, 4), ("name", 3, 4), ("name", 3, 8)],
        *[("seq", 3, 14), ("const", 3, 15), ("str", 4, 3), ("return", 5, 5), ("attr", 5, 13), ("name", 5, 13)],
    ]


def test_handlers_functions_and_classes_have_places() -> None:
    module = read("try: a\nexcept B: c\n\nclass D:\n  @e\n  def f(self):\n    return (\n      1)\n")
    assert ir.line_of(module.body[0][3][0][0]) == 2
    assert [(f.line, ir.column_of(f.at), f.end) for f in module.functions] == [(6, 3, 8)]
    assert [(ir.line_of(c.at), ir.column_of(c.at)) for c in module.classes] == [(4, 1)]


def test_a_place_in_a_very_long_line_keeps_its_line() -> None:
    """A position has room for 4,096 columns; beyond, the column stops and the line stays right."""
    body = read("\n\nx = '" + "." * 10_000 + "'; y = z\nw").body
    assert [ir.line_of(s[1]) for s in body] == [3, 3, 4]
    assert ir.column_of(body[1][1]) == ir.COLUMNS


def test_functions_know_their_names_owners_and_kind() -> None:
    module = read("class C:\n  'doc'\n  async def m(self):\n    '''says\n    much'''\n    def inner(): yield 1\n    return lambda: 0\n")
    found = {f.qualname: f for f in module.functions}
    assert list(found) == ["C.m.inner", "C.m.<lambda>", "C.m"]
    assert (found["C.m"].is_async, found["C.m"].is_generator, found["C.m.inner"].is_generator) == (True, False, True)
    assert (found["C.m"].doc, module.classes[0].doc) == ("says\n    much", "doc")
    assert (found["C.m.inner"].parent, found["C.m"].parent, module.classes[0].parent) == (found["C.m"], module.classes[0], None)


def test_calls_and_comparisons_belong_to_the_innermost_function() -> None:
    module = read("a(b())\nclass C:\n  x = c()\n  def f(self, d=e()):\n    return g(1 == 2) if h else (lambda: i() < 3)\n")
    names = {f.qualname: [ir.last_name(c[2]) for c in f.calls] for f in (module.top, *module.functions)}
    assert names == {"<module>": ["b", "a", "c", "e"], "C.f": ["g"], "C.f.<lambda>": ["i"]}
    assert {f.qualname: len(f.compares) for f in module.functions} == {"C.f": 1, "C.f.<lambda>": 1}


def test_imports_are_noted_wherever_they_are() -> None:
    module = read(
        "import a.b\ndef f():\n  from ..c import d, e\n  importlib.import_module('.g')\n  import_string('h.i:j')\n  __import__(name)"
    )
    assert module.imports == [(0, "a.b", ()), (2, "c", ("d", "e")), (1, "g", ()), (0, "h.i.j", ())]


def test_comments_for_us_are_found_by_tokens() -> None:
    source = (
        'x = "# ostiary: no"\n# ostiary: public\n\ny = 1  #ostiary:  ignore[a] because é\n"""\n# ostiary: no\n"""\nf(  # ostiary: in\n)\n'
    )
    assert read(source).comments == ((2, "public", True), (4, "ignore[a] because é", False), (8, "in", False))


def test_comments_are_found_in_code_for_newer_pythons() -> None:
    assert read('x = f"{d["k"]}"  # ostiary: a\ntry: y\nexcept A, B: z  # ostiary: b').comments == ((1, "a", False), (3, "b", False))


@pytest.mark.parametrize(
    "source", ["", "\n", "\f\n", "# only a comment", "\xef\xbb\xbf", "x = 1\f\ny = 2\r\nz = 3\rw = 4", "if a:\n\tb\n\tc", "pass\x0c"]
)
def test_odd_but_legal_files_are_read(source: str) -> None:
    assert isinstance(read(source.encode("latin-1")), ir.Module)


def test_texts_that_no_report_could_hold_are_made_printable() -> None:
    """Half a surrogate pair is legal in source."""
    assert shape(read(r"x = '\ud800'").body[0])[2] == ("str", "?")
    assert shape(read(r"x = 'é\U0001F600'").body[0])[2] == ("str", "é\U0001f600")


def test_numbers_that_cannot_be_printed_are_cut() -> None:
    assert shape(read("x = 0x" + "f" * 5000).body[0])[2] == ("const", 1 << 64)


DEEP = {
    "parentheses": "x = " + "(" * 10_000 + ")" * 10_000,
    "chained calls": "x = a" + "().b" * 5_000,
    "attributes": "x = a" + ".b" * 20_000,
    "subscripts": "x = a" + "[0]" * 20_000,
    "calls of calls": "x = a" + "()" * 50_000,
    "pluses": "x = " + " + ".join(["'a'"] * 3_000),
    "many pluses": "x = " + " + ".join(["'a'"] * 100_000),
    "powers": "x = " + "**".join(["2"] * 2_000),
    "nots": "x = " + "not " * 4_000 + "a",
    "conditions": "x = " + "a if b else " * 4_000 + "c",
    "lambdas": "x = " + "lambda: " * 2_000 + "a",
    "elifs": "if a: b\n" + "elif c: d\n" * 2_000,
    "many elifs": "if a: b\n" + "elif c: d\n" * 100_000,
    "ands": "x = " + " and ".join(["a"] * 100_000),
    "comparisons": "x = " + " < ".join(["a"] * 100_000),
    "lists": "x = " + "[" * 150 + "]" * 150,
    "functions in functions": "".join(" " * i + "def f():\n" for i in range(90)) + " " * 90 + "pass",
    "blocks in blocks": "".join(" " * i + "if a:\n" for i in range(2_000)) + " " * 2_000 + "pass",
    "decorators": "@a\n" * 20_000 + "def f(): pass",
    "targets": "a = " * 50_000 + "1",
    "arguments": "f(" + "a, " * 100_000 + ")",
    "texts": "x = " + "'a' " * 100_000,
    "f-strings": 'x = f"' + '{f"' * 200 + '"}' * 200 + '"',
    "open brackets": "(" * 100_000,
    "long line": "x = '" + "a" * 1_000_000 + "'",
    "loops of a comprehension": "x = [1 " + "for a in b " * 5_000 + "]",
    "unions": "def f(x: " + " | ".join(["A"] * 4_500) + "): pass",
}


def attempt(source: str) -> str:
    try:
        return "read" if any(ir.walk(read(source).body)) else "empty"
    except Unparsable as why:
        return str(why)


@pytest.mark.parametrize("limit", [1_000, 20_000])
@pytest.mark.parametrize("name", DEEP)
def test_no_depth_crashes_or_hangs(name: str, limit: int) -> None:
    """Read, or refused with a few words; also with the room that a scan gives."""
    before, started = sys.getrecursionlimit(), time.process_time()
    sys.setrecursionlimit(max(limit, before))
    try:
        said = attempt(DEEP[name])
    finally:
        sys.setrecursionlimit(before)
    assert said in ("read", "nested too deeply") or "(line " in said
    assert time.process_time() - started < 10


def test_a_sum_of_three_thousand_terms_is_read() -> None:
    """Long sums and long elif chains are lists in disguise, not depth."""
    if sys.version_info[:2] == (3, 12):
        pytest.skip("3.12 refuses to parse it")
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        assert len([n for n in ir.walk(read(DEEP["pluses"]).body) if n[0] == "bin"]) == 2_999
        assert len([n for n in ir.walk(read(DEEP["elifs"]).body) if n[0] == "if"]) == 2_001
    finally:
        sys.setrecursionlimit(before)


def test_a_hundred_thousand_lines_are_read() -> None:
    module = read("".join(f"x{i} = a(b)\n" for i in range(100_000)))
    assert ir.line_of(module.body[-1][1]) == 100_000


def test_the_tree_is_dropped() -> None:
    """What stays is the compact form: at most 60 bytes of memory for a byte of source."""
    source = "".join(f"def f{i}(a, b=1):\n    return a.b(c, d='x') + {i}\n" for i in range(2_000))
    tracemalloc.start()
    try:
        module = read(source)
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert module.functions
    assert held < 60 * len(source)
