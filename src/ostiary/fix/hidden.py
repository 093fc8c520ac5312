"""The texts that no output may hold: every literal that is judged a secret, as it is written and as it reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from ostiary.fix.plan import Declined
from ostiary.fix.tree import Tree
from ostiary.model.finding import Finding
from ostiary.scan.code.ir import pack
from ostiary.scan.rules._literals import PASSWORD, RANDOM, looks
from ostiary.scan.rules._secrets import known
from ostiary.scan.rules.hardcoded_secret import literals

MASK = "***"
_SHORT = 6
_WORD = re.compile(r"[A-Za-z0-9_\-.+/=:@%]{16,}")
_TEXT = re.compile(r"(\"{3}|'{3}|\"|')((?:\\.|(?!\1).)*)(\1|$)")


def hidden(tree: Tree, findings: Iterable[Finding]) -> frozenset[str]:
    """Of the whole tree, whether a finding is fixed, left or accepted: any of them may stand beside a change."""
    texts: set[str] = set()
    for path in tree.modules:
        for suspect, _ in literals(tree.site(path)):
            texts.add(suspect.text)
            texts.update(_written(tree, path, suspect.at))
    for finding in findings:
        if finding.weakness in ("hardcoded-secret", "jwt-weak-secret") and finding.at is not None:
            texts.update(_written(tree, finding.at.file, pack(finding.at.line, max(finding.at.column - 1, 0))))
    return frozenset(line.strip() for text in texts for line in text.splitlines() if line.strip())


def _written(tree: Tree, path: str, at: int) -> Iterator[str]:
    """The literals of an expression as the file spells them, escapes and all."""
    try:
        node = tree.source(path).find(at, cst.BaseExpression)  # type: ignore[type-abstract]
    except Declined:
        return
    yield from _strings(node)


def _strings(node: cst.CSTNode) -> Iterator[str]:
    """Those that are values: names of keys and parameters may be read."""
    if isinstance(node, cst.SimpleString):
        yield node.raw_value
    elif not isinstance(node, (cst.Call, cst.Subscript)):
        for child in node.children:
            yield from _strings(child)


def _is_secret(text: str, texts: frozenset[str]) -> bool:
    """One that is known, or that looks as only secrets do, whatever the scan thought of its name."""
    return text in texts or looks(text) == RANDOM


def masked(line: str, texts: frozenset[str]) -> str:
    """A line of source without them: a literal that is one of them becomes stars, and so does one inside anything else."""
    line = _TEXT.sub(lambda found: found[1] + (MASK if _is_secret(found[2].strip(), texts) else found[2]) + found[3], line)
    for text in sorted(texts, key=len, reverse=True):
        if len(text) >= _SHORT and text in line and looks(text) >= PASSWORD:
            line = line.replace(text, MASK)
    if line.strip() in texts:
        return MASK
    return _WORD.sub(lambda found: MASK if known("", found[0]) else found[0], line)
