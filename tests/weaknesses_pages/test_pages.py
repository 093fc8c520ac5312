"""Every weakness that Ostiary can report is explained: page, fixes for both frameworks, fixtures."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

import ostiary
from ostiary import weaknesses
from ostiary.errors import ConfigError, UsageError
from ostiary.weaknesses._page import parse

FRAMEWORKS = ("flask", "fastapi")
RULES = Path(ostiary.__file__).parent / "scan" / "rules"
FIXTURES = Path(__file__).parents[1] / "weaknesses"

# Category, default severity and CWE of the catalogue.
CATALOGUE = {
    "auth-fails-open": ("authentication", "critical", (636, 455)),
    "bind-all-interfaces": ("transport", "low", (1327,)),
    "cors-credentials-exposed": ("transport", "high", (942, 346)),
    "cors-permissive": ("transport", "low", (942,)),
    "debug-mode": ("exposure", "high", (489, 215)),
    "hardcoded-secret": ("secrets", "high", (798, 540, 321)),
    "ineffective-rate-limit": ("resources", "medium", (799, 348)),
    "insecure-cookie": ("transport", "medium", (614, 1004, 1275)),
    "invalid-credential-accepted": ("authentication", "critical", (303, 347, 613)),
    "jwt-not-verified": ("tokens", "critical", (347,)),
    "jwt-weak-secret": ("tokens", "critical", (1391, 326)),
    "key-in-query-string": ("secrets", "high", (598,)),
    "key-logged": ("secrets", "high", (532,)),
    "missing-audit-log": ("exposure", "low", (778,)),
    "missing-authentication": ("authentication", "high", (306,)),
    "missing-brute-force-protection": ("resources", "high", (307,)),
    "missing-hsts": ("transport", "low", (319,)),
    "missing-https": ("transport", "high", (319,)),
    "missing-rate-limit": ("resources", "medium", (770, 799)),
    "missing-replay-protection": ("integrity", "medium", (294,)),
    "partial-key-comparison": ("secrets", "critical", (187,)),
    "secret-in-response": ("secrets", "critical", (201, 200)),
    "signature-not-bound": ("integrity", "high", (347,)),
    "stack-trace-exposure": ("exposure", "medium", (209, 497)),
    "timing-unsafe-comparison": ("secrets", "medium", (208,)),
    "unauthenticated-docs": ("authentication", "low", (497, 200)),
    "unversioned-api": ("inventory", "low", ()),
    "weak-key-generation": ("secrets", "high", (338, 331)),
}
SUBSUMES = {
    "missing-authentication": ("bola", "bfla", "unsigned-sensitive-request", "missing-response-model"),
    "unauthenticated-docs": ("missing-authentication",),
    "invalid-credential-accepted": ("missing-authentication",),
    "jwt-not-verified": ("invalid-credential-accepted",),
    "hardcoded-secret": ("jwt-weak-secret",),
    "missing-brute-force-protection": ("missing-rate-limit",),
    "ineffective-rate-limit": ("missing-rate-limit",),
}
WITHOUT_CWE = {"weak-challenge", "unversioned-api", "zombie-endpoint", "deprecated-version-live"}
REFERENCES = {
    "asvs": re.compile(r"v5\.0\.0-\d{1,2}\.\d{1,2}\.\d{1,2}"),
    "pci": re.compile(r"\d{1,2}(\.\d{1,2}){1,3}"),
    "soc2": re.compile(r"(CC|A|C|PI|P)\d\.\d{1,2}"),
}

PAGE = """+++
title = "A title"
category = "exposure"
severity = "low"
cwe = [1]
owasp = ["API8:2023"]
subsumes = []

[references]
asvs = []
pci = []
soc2 = []
+++

## Why

Because.

## Attack

Thus.

## Fix: Flask

```python
## not a heading
```

## Fix: FastAPI

So.
"""


def rules() -> list[str]:
    return sorted(path.stem.replace("_", "-") for path in RULES.glob("*.py") if not path.stem.startswith("_"))


def code_blocks(markdown: str) -> list[str]:
    return re.findall(r"```python\n(.*?)\n```", markdown, re.DOTALL)


def compile_as_body(code: str) -> None:
    """A fix may be the inside of a handler: return and await are allowed."""
    compile("async def handler():\n" + textwrap.indent(code, "    "), "page", "exec")


@pytest.fixture(params=weaknesses.all_ids())
def page(request: pytest.FixtureRequest) -> ostiary.model.finding.Weakness:
    return weaknesses.get(request.param)


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule) for rule in rules()])
def test_rule_has_a_page(rule):
    """What a rule finds, ``ostiary explain`` explains."""
    assert rule in weaknesses.all_ids()


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule) for rule in rules()])
def test_rule_has_fixtures(rule, framework):
    """Every rule is shown code that it must report and code that it must not, in both frameworks."""
    files = [path for path in (FIXTURES / rule).rglob("*.py") if framework in str(path.relative_to(FIXTURES))]
    source = "\n".join(path.read_text() for path in files)
    for mark in ("expect", "ok"):
        assert re.search(rf"#.*\b{mark}: {rule}(?![\w-])", source), f"no '# {mark}: {rule}' for {framework}"


def test_defaults_are_the_catalogue():
    """Category, severity and CWE of each page are those of the catalogue."""
    pages = {page: weaknesses.get(page) for page in weaknesses.all_ids()}
    assert {page: (value.category, value.severity, value.cwe) for page, value in pages.items()} == CATALOGUE


def test_subsumption_is_the_catalogue():
    """Which weakness explains which is what the catalogue says."""
    pages = {page: weaknesses.get(page).subsumes for page in weaknesses.all_ids()}
    assert {page: subsumed for page, subsumed in pages.items() if subsumed} == SUBSUMES


def test_subsumption_has_no_cycle():
    """No weakness explains itself, or merging would drop it altogether."""
    pages = {page: set(weaknesses.get(page).subsumes) for page in weaknesses.all_ids()}
    while leaves := [page for page, subsumed in pages.items() if not subsumed & pages.keys()]:
        for page in leaves:
            del pages[page]
    assert pages == {}


def test_page_is_complete(page):
    """Title, why, attack and a fix for each framework; a CWE unless none fits; an OWASP risk of 2023."""
    assert page.title
    assert page.why
    assert page.attack
    assert tuple(page.fixes) == FRAMEWORKS
    assert page.cwe or page.id in WITHOUT_CWE
    assert page.owasp
    assert all(re.fullmatch(r"API([1-9]|10):2023", risk) for risk in page.owasp)


def test_references_are_well_formed(page):
    """Requirements are cited as their standards number them."""
    for standard, form in REFERENCES.items():
        assert all(form.fullmatch(cited) for cited in page.references[standard])


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_fix_begins_with_three_lines(page, framework):
    """What stands beside a finding in an 80-column terminal is Python, and three lines at most."""
    code = weaknesses.essence(page, framework)
    assert 1 <= len(code.splitlines()) <= 3
    assert max(map(len, code.splitlines())) <= 78
    compile_as_body(code)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_fix_has_a_whole_example(page, framework):
    """A fix shows a module that compiles as it stands, and imports its framework."""
    _, *longer = code_blocks(page.fixes[framework])
    assert any(f"from {framework}" in code for code in longer)
    for code in longer:
        compile(code, page.id, "exec")


def test_every_python_block_compiles(page):
    """Attack and Why quote code that is code."""
    for code in code_blocks(page.why + page.attack):
        compile_as_body(code)


def test_every_category_is_a_section_of_the_catalogue():
    """Fourteen categories, in the catalogue's order."""
    first = ["authentication", "secrets", "integrity", "tokens", "authorization", "flows", "properties"]
    assert list(weaknesses.CATEGORIES) == [*first, "injection", "resources", "exposure", "transport", "upstream", "inventory", "llm"]


@pytest.mark.parametrize("asked", ["missing-authentcation", "Missing-Authentication"])
def test_unknown_id_names_close_ones(asked):
    """A slip of the finger is answered with what was probably meant."""
    with pytest.raises(UsageError, match="did you mean missing-authentication"):
        weaknesses.get(asked)


@pytest.mark.parametrize("asked", ["", "../errors", "__init__", "debug-mode.md", "zzzz"])
def test_no_page_is_read_but_a_page(asked):
    """An id is a page's name and never a path."""
    with pytest.raises(UsageError, match="no weakness is called"):
        weaknesses.get(asked)


def test_page_is_read_once():
    """The same page asked twice is the same value."""
    assert weaknesses.get("debug-mode") is weaknesses.get("debug-mode")


def test_good_page_is_parsed():
    """Front matter and sections become the fields; a line of code that looks like a heading stays code."""
    page = parse("some-id", PAGE, "some-id.md")
    assert (page.id, page.title, page.category, page.severity, page.cwe) == ("some-id", "A title", "exposure", "low", (1,))
    assert (page.why, page.attack) == ("Because.", "Thus.")
    assert page.fixes == {"flask": "```python\n## not a heading\n```", "fastapi": "So."}
    assert page.references == {"asvs": (), "pci": (), "soc2": ()}


def test_links_are_kept():
    """The bullets of ``## References`` are its links."""
    page = parse("x", PAGE + "\n## References\n\n- https://a.example\n- https://b.example\n", "x.md")
    assert page.references["links"] == ("https://a.example", "https://b.example")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"A title"', '"A title', "x.md:2: bad TOML"),
        ("+++\ntitle", "title", "x.md:1: a page begins with +++"),
        ("+++\n\n## Why", "\n## Why", "x.md:31: the front matter has no closing +++"),
        ('category = "exposure"', 'category = "other"', "x.md:3: category 'other' is none of"),
        ('severity = "low"', 'severity = "bad"', "x.md:4: severity 'bad' is none of"),
        ("cwe = [1]", 'cwe = ["1"]', "x.md:5: cwe is a list of numbers"),
        ("cwe = [1]", "cwe = [true]", "x.md:5: cwe is a list of numbers"),
        ("cwe = [1]", "cew = [1]", "x.md:5: unknown key 'cew'"),
        ("cwe = [1]\n", "", "x.md:1: the front matter has no 'cwe'"),
        ('owasp = ["API8:2023"]', 'owasp = "API8:2023"', "x.md:6: owasp is a list of texts"),
        ("pci = []", "pic = []", "x.md:11: unknown key 'pic'"),
        ("[references]", "references = 1\n[other]", "x.md:10: unknown key 'other'"),
        ("## Attack", "## Atack", "x.md:19: section 'Atack' is unknown or there twice"),
        ("## Attack", "## Why", "x.md:19: section 'Why' is unknown or there twice"),
        ("Thus.", "", "section 'Attack' is missing or empty"),
    ],
)
def test_bad_page_names_its_line(old, new, message):
    """A mistake in a page is told with file and line."""
    assert old in PAGE
    with pytest.raises(ConfigError, match=re.escape(message)):
        parse("x", PAGE.replace(old, new, 1), "x.md")
