"""Policies in ``ostiary.toml`` mean what they say, and every mistake is shown with its file and line."""

from __future__ import annotations

import pytest

from ostiary.errors import ConfigError
from ostiary.model import limit
from ostiary.model.policyfile import matching, parse
from ostiary.model.route import Location, Policy
from ostiary.scan.config import Config
from ostiary.scan.config_reader import read_config

WHOLE = """\
exclude = ["vendor"]

[guard]
store = "sqlite:///x.db"

[public]
"GET /health" = "the load balancer asks"

[[policy]]
path = "/api/**"
limits = "100 per day"

[[policy]]
path = "/api/orders/{id}"
methods = ["get", "DELETE"]
require = ["orders:read"]
any = ["eu", "us"]
schemes = ["api-key"]
limits = ["5/minute", "9 per calendar month"]
networks = ["10.0.0.0/8", "2001:db8::/32"]
mode = "monitor"

[[policy]]
path = "/api/orders/*"
public = " the shop window "
limits = []
mode = "enforce"
"""


def test_every_field_is_read() -> None:
    """Each key becomes the field of Policy that it names, with the place where the table stands."""
    first, second, third = parse(WHOLE, "ostiary.toml")
    assert first.policy == Policy(declared=False, limits=limit.parse("100 per day"), at=Location("ostiary.toml", 10))
    assert second.policy == Policy(
        schemes=("api-key",),
        scopes=("orders:read",),
        any_scopes=("eu", "us"),
        networks=("10.0.0.0/8", "2001:db8::/32"),
        limits=limit.parse("5/minute;9 per calendar month"),
        monitor=True,
        at=Location("ostiary.toml", 14),
    )
    assert second.methods == ("GET", "DELETE")
    assert third.policy == Policy(public=True, reason="the shop window", limits=(), monitor=False, at=Location("ostiary.toml", 24))


def test_a_table_that_does_not_say_who_may_call_declares_nothing() -> None:
    """Limits alone make no route public or protected; ``require = []`` demands a credential and no scope."""
    (limited,) = parse('[[policy]]\npath = "/x"\nlimits = "5/minute"', "f")
    (required,) = parse('[[policy]]\npath = "/x"\nrequire = []', "f")
    assert not limited.policy.declared
    assert required.policy.declared
    assert not required.policy.public


@pytest.mark.parametrize(
    ("method", "template", "paths"),
    [
        ("GET", "/api/orders/{id}", ["/api/orders/{id}", "/api/orders/*", "/api/**"]),
        ("POST", "/api/orders/{id}", ["/api/orders/*", "/api/**"]),
        ("POST", "/api/orders", ["/api/**"]),
        ("GET", "/api", ["/api/**"]),
        ("GET", "/apis", []),
        ("GET", "/api/orders/{id}/lines", ["/api/**"]),
    ],
)
def test_the_most_specific_comes_first(method: str, template: str, paths: list[str]) -> None:
    """Whatever the order in the file, a fixed segment counts more than a star, and a star more than two."""
    policies = parse(WHOLE, "f")
    assert [one.path for one in matching(policies, method, template)] == paths
    assert [one.path for one in matching(policies[::-1], method, template)] == paths


def test_how_specific_paths_are() -> None:
    """Segments are weighed from the left; an end counts more than ``**``; methods decide between equal paths."""
    paths = ["/a/b", "/a/b/**", "/a/b*", "/a/*", "/a/**/b", "/a/**", "/**"]
    text = "".join(f'[[policy]]\npath = "{path}"\nrequire = []\n' for path in reversed(paths))
    text += '[[policy]]\npath = "/a/*"\nmethods = ["GET"]\nrequire = []\n'
    expected = [*((path, None) for path in paths[:3]), ("/a/*", ("GET",)), *((path, None) for path in paths[3:])]
    assert [(one.path, one.methods) for one in matching(parse(text, "f"), "GET", "/a/b")] == expected


def test_the_scanner_and_the_guard_read_one_file() -> None:
    """The scanner leaves ``[[policy]]`` and ``[guard]`` alone, and the guard the scanner's keys."""
    assert read_config(WHOLE, "ostiary.toml", "").exclude == ("vendor",)
    assert len(parse('exclude = ["x"]\ninclude-tests = true\nfail-on = "high"\nmin-score = 3\n[[suppress]]\n', "ostiary.toml")) == 0


def test_pyproject_holds_it_in_its_own_section() -> None:
    """In ``pyproject.toml`` the tables stand under ``tool.ostiary``; everything else there is none of our business."""
    text = '[project]\nname = "x"\n\n[[tool.ostiary.policy]]\npath = "/x"\nrequire = []\n'
    (found,) = parse(text, "pyproject.toml")
    assert found.policy.at == Location("pyproject.toml", 5)
    assert read_config(text, "pyproject.toml", "tool.ostiary") == Config(file="pyproject.toml")
    with pytest.raises(ConfigError, match=r"^pyproject.toml:6: unknown key 'requir'"):
        parse(text.replace("require", "requir"), "pyproject.toml")


@pytest.mark.parametrize(
    ("table", "line", "said"),
    [
        ('path = "/x"\npublik = "r"', 3, "did you mean 'public'"),
        ('path = "/x"\npublic = "r"\nrequire = []', 4, "public or has require"),
        ('path = "/x"\npublic = "r"\nany = ["a"]', 4, "public or has any"),
        ('path = "/x"\npublic = "r"\nschemes = ["jwt"]', 4, "public or has schemes"),
        ('path = "/x"\npublic = "--"', 3, "reason"),
        ('path = "/x"\npublic = true', 3, "public is a text"),
        ('path = "x"\nrequire = []', 2, "no path"),
        ('path = "GET /x"\nrequire = []', 2, "no path"),
        ('path = "/<int:id>"\nrequire = []', 2, "no path"),
        ("path = 5\nrequire = []", 2, "path is a text"),
        ("require = []", 1, "names its path"),
        ('path = "/x"', 1, "says something"),
        ('path = "/x"\nrequire = "orders"', 3, "list of texts"),
        ('path = "/x"\nrequire = ["a b"]', 3, "'a b' is not a scope"),
        ('path = "/x"\nany = []', 3, "any is empty"),
        ('path = "/x"\nschemes = []', 3, "schemes is empty"),
        ('path = "/x"\nschemes = ["A B"]', 3, "'A B'"),
        ('path = "/x"\nlimits = 5', 3, "5 per minute"),
        ('path = "/x"\nlimits = ["5/minute", 3]', 3, "list of texts"),
        ('path = "/x"\nlimits = "5/fortnight"', 3, "'5/fortnight'"),
        ('path = "/x"\nmethods = ["GTE"]\nrequire = []', 3, "'GTE' is no method"),
        ('path = "/x"\nmethods = []\nrequire = []', 3, "methods is empty"),
        ('path = "/x"\nnetworks = ["10.0.0.1/8"]', 3, "host bits"),
        ('path = "/x"\nnetworks = []', 3, "nobody could call"),
        ('path = "/x"\nmode = "loud"', 3, "monitor or enforce"),
        ('path = "/x"\nrequire = []\n[[policy]]\npath = "/x"\npublic = "r"', 6, "line 2"),
        ('path = "/x"\nlimits = []\n[[policy]]\npath = "/x"\nlimits = "5/day"', 6, "line 2"),
        ('path = "/x"\nmethods = ["GET", "PUT"]\nany = ["a"]\n[[policy]]\npath = "/x"\nmethods = ["put"]\npublic = "r"', 8, "PUT"),
    ],
)
def test_a_mistake_is_shown_where_it_stands(table: str, line: int, said: str) -> None:
    """File, line, and what is wrong; the same in the second table as in the first."""
    with pytest.raises(ConfigError) as caught:
        parse(f"[[policy]]\n{table}\n", "ostiary.toml")
    assert str(caught.value).startswith(f"ostiary.toml:{line}: ")
    assert said in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        parse(f'[[policy]]\npath = "/other"\nrequire = []\n[[policy]]\n{table}\n', "ostiary.toml")
    assert str(caught.value).startswith(f"ostiary.toml:{line + 3}: ")


@pytest.mark.parametrize(
    "text", ["policy = 3", "policy = [3]", '[policy]\npath = "/x"', '[[polcy]]\npath = "/x"', "[[policy]\n", "= 3", "a." * 500 + "b = 1"]
)
def test_what_is_no_policy_file_is_refused(text: str) -> None:
    """Wrong shapes, unknown tables and broken TOML name file and line."""
    with pytest.raises(ConfigError, match=r"^ostiary.toml:1: "):
        parse(text, "ostiary.toml")


def test_tables_of_one_path_may_add_to_each_other() -> None:
    """Who may call in one table, how often in another, and another answer for one method: no contradiction."""
    text = '[[policy]]\npath = "/x"\nrequire = []\n[[policy]]\npath = "/x"\nlimits = "5/day"\n[[policy]]\npath = "/x"\nmethods = ["GET"]\npublic = "r"'
    assert [one.policy.public for one in matching(parse(text, "f"), "GET", "/x")] == [True, False, False]
