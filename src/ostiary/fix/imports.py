"""Imports that a patch needs, put where a person would: sorted among their kind at the top of the file, in the style of their neighbours."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

import libcst as cst

from ostiary.fix.nodes import name_of, names_in
from ostiary.fix.plan import Need

Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement
Body = Sequence[Statement]


def imported(module: cst.Module) -> Iterator[tuple[str, str, str]]:
    """(module, name or "", local name) of every import at the top level."""
    for statement in module.body:
        for small in _small(statement):
            if isinstance(small, cst.Import):
                yield from ((name_of(a.name), "", _local(a)) for a in small.names)
            elif isinstance(small, cst.ImportFrom) and not small.relative and not isinstance(small.names, cst.ImportStar):
                yield from ((name_of(small.module), name_of(a.name), _local(a)) for a in small.names if small.module is not None)


def _local(alias: cst.ImportAlias) -> str:
    """``import a.b`` binds ``a``."""
    return name_of(alias.asname.name) if alias.asname is not None else name_of(alias.name).partition(".")[0]


def has(module: cst.Module, need: Need) -> bool:
    """Is it imported under its own name?"""
    return (need.module, need.name, need.name or need.module) in set(imported(module))


def add(module: cst.Module, needs: Iterable[Need]) -> cst.Module:
    """The module with what it does not import yet."""
    for need in sorted(set(needs)):
        if has(module, need) and not _comes_late(module, need):
            continue
        known = _statement_of(module.body, need) if not has(module, need) else None
        module = _extend(module, known, need) if known is not None else _insert(module, need)
    return module


def _comes_late(module: cst.Module, need: Need) -> bool:
    """The file uses the name at its top level above the import: allowed until now, for it was another use."""
    name = need.name or need.module
    for statement in module.body:
        one = cst.Module([statement])
        if has(one, need):
            return False
        if not isinstance(statement, (cst.FunctionDef, cst.ClassDef)) and name in set(names_in(statement)):
            return True
    return False


def drop(module: cst.Module, names: Iterable[str]) -> cst.Module:
    """Without imports of these names that nothing uses any more."""
    unused = set(names) - _used(module)
    if not unused:
        return module
    body: list[Statement] = []
    for statement in module.body:
        kept = _without(statement, unused)
        if kept is not None:
            body.append(kept)
    return module.with_changes(body=body)


def _small(statement: cst.CSTNode) -> Sequence[cst.BaseSmallStatement]:
    return statement.body if isinstance(statement, cst.SimpleStatementLine) else ()


def _only(statement: cst.CSTNode) -> cst.BaseSmallStatement | None:
    small = _small(statement)
    return small[0] if len(small) == 1 else None


def _statement_of(body: Body, need: Need) -> int | None:
    """The ``from`` import of the same module that the name can join."""
    for index, statement in enumerate(body):
        small = _only(statement)
        if need.name and isinstance(small, cst.ImportFrom) and not small.relative and name_of(small.module or cst.Name("x")) == need.module:
            return None if isinstance(small.names, cst.ImportStar) else index
    return None


def _extend(module: cst.Module, index: int, need: Need) -> cst.Module:
    statement = cst.ensure_type(module.body[index], cst.SimpleStatementLine)
    small = _ending_in_comma(cst.ensure_type(statement.body[0], cst.ImportFrom))
    names = _with_name(small, need.name)
    body = list(module.body)
    body[index] = statement.with_changes(body=[small.with_changes(names=names), *statement.body[1:]])
    return module.with_changes(body=body)


def _ending_in_comma(statement: cst.ImportFrom) -> cst.ImportFrom:
    """A list over several lines gets its last comma, so that the comment behind the last name stays there."""
    names, closing = statement.names, statement.rpar
    if isinstance(names, cst.ImportStar) or closing is None or isinstance(names[-1].comma, cst.Comma):
        return statement
    if not isinstance(closing.whitespace_before, cst.ParenthesizedWhitespace):
        return statement
    last = names[-1].with_changes(comma=cst.Comma(whitespace_after=closing.whitespace_before))
    return statement.with_changes(names=[*names[:-1], last], rpar=cst.RightParen())


def _with_name(statement: cst.ImportFrom, name: str) -> list[cst.ImportAlias]:
    names = list(cst.ensure_type(statement, cst.ImportFrom).names)  # type: ignore[arg-type]  # no star here
    index = next((n for n, alias in enumerate(names) if _member(name_of(alias.name)) > _member(name)), len(names))
    between = _between(statement)
    if index == len(names):
        last = names[-1]
        names[-1] = last.with_changes(comma=_kept_comment(last, between))
        return [*names, cst.ImportAlias(cst.Name(name), comma=_uncommented(last.comma))]
    names.insert(index, cst.ImportAlias(cst.Name(name), comma=between))
    return names


def _member(name: str) -> tuple[int, str]:
    """CONSTANTS, then Classes, then functions: what isort and ruff do."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2), name.lower()


def _between(statement: cst.ImportFrom) -> cst.Comma:
    """The comma between two names: with a new line where each name has its own."""
    if statement.lpar is not None and isinstance(statement.lpar.whitespace_after, cst.ParenthesizedWhitespace):
        return cst.Comma(whitespace_after=statement.lpar.whitespace_after.with_changes(first_line=cst.TrailingWhitespace(), empty_lines=()))
    return cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))


def _kept_comment(alias: cst.ImportAlias, comma: cst.Comma) -> cst.Comma:
    own = alias.comma.whitespace_after if isinstance(alias.comma, cst.Comma) else None
    after = comma.whitespace_after
    if isinstance(own, cst.ParenthesizedWhitespace) and isinstance(after, cst.ParenthesizedWhitespace):
        return comma.with_changes(whitespace_after=after.with_changes(first_line=own.first_line))
    return comma


def _uncommented(comma: cst.Comma | cst.MaybeSentinel) -> cst.Comma | cst.MaybeSentinel:
    if isinstance(comma, cst.Comma) and isinstance(comma.whitespace_after, cst.ParenthesizedWhitespace):
        return comma.with_changes(whitespace_after=comma.whitespace_after.with_changes(first_line=cst.TrailingWhitespace()))
    return comma


def _insert(module: cst.Module, need: Need) -> cst.Module:
    """A statement of its own."""
    text = f"from {need.module} import {need.name}" if need.name else f"import {need.module}"
    fresh = cst.ensure_type(cst.parse_statement(text), cst.SimpleStatementLine)
    body = list(module.body)
    start = _start(body, need.name or need.module)
    run = _first_run(body, start)
    own = [n for n in run if _is_standard(body[n]) == (need.module in sys.stdlib_module_names)]
    if own:
        index = next((n for n in own if _key(body[n]) > _key(fresh)), own[-1] + 1)
        if index == run[0]:
            fresh, body[index] = _take_blank_lines(fresh, body[index])
    else:
        index, fresh = start, _spaced(fresh, start)
        if start < len(body):
            body[start] = _set_apart(body[start], 1 if run else 2)
    return module.with_changes(body=[*body[:index], fresh, *body[index:]])


def _after_head(body: Body) -> int:
    """The first place behind the docstring and ``from __future__``."""
    index = 0
    for n, statement in enumerate(body):
        small = _only(statement)
        is_doc = n == 0 and isinstance(small, cst.Expr) and isinstance(small.value, (cst.SimpleString, cst.ConcatenatedString))
        is_future = isinstance(small, cst.ImportFrom) and small.module is not None and name_of(small.module) == "__future__"
        if is_doc or is_future:
            index = n + 1
    return index


def _start(body: Body, name: str) -> int:
    """Where the imports begin; what some files put in front of them stays there, unless it uses the name already."""
    head = _after_head(body)
    first = next((n for n in range(head, len(body)) if isinstance(_only(body[n]), (cst.Import, cst.ImportFrom))), head)
    return head if any(name in set(names_in(statement)) for statement in body[head:first]) else first


def _first_run(body: Body, start: int) -> list[int]:
    """The imports that follow each other from there on."""
    run: list[int] = []
    for index in range(start, len(body)):
        if not isinstance(_only(body[index]), (cst.Import, cst.ImportFrom)):
            break
        run.append(index)
    return run


def _key(statement: cst.CSTNode) -> tuple[bool, str]:
    """Plain imports before ``from`` imports, then by name: what isort and ruff do."""
    small = _only(statement)
    if isinstance(small, cst.Import):
        return False, name_of(small.names[0].name).lower()
    module = small.module if isinstance(small, cst.ImportFrom) else None
    return True, name_of(module).lower() if module is not None else "~"


def _is_standard(statement: cst.CSTNode) -> bool:
    small = _only(statement)
    if isinstance(small, cst.ImportFrom) and small.relative:
        return False
    return _key(statement)[1].partition(".")[0] in sys.stdlib_module_names


def _take_blank_lines(fresh: cst.SimpleStatementLine, first: Statement) -> tuple[cst.SimpleStatementLine, Statement]:
    """The new first import stands where the old one stood; comments stay with the statement that they are about."""
    lines = list(getattr(first, "leading_lines", ()))
    blank = next((n for n, line in enumerate(lines) if line.comment is not None), len(lines))
    return fresh.with_changes(leading_lines=lines[:blank]), first.with_changes(leading_lines=lines[blank:])


def _spaced(fresh: cst.SimpleStatementLine, start: int) -> cst.SimpleStatementLine:
    return fresh.with_changes(leading_lines=[cst.EmptyLine(indent=False)]) if start else fresh


def _set_apart(statement: Statement, blanks: int) -> Statement:
    lines = list(getattr(statement, "leading_lines", ()))
    have = next((n for n, line in enumerate(lines) if line.comment is not None), len(lines))
    return statement.with_changes(leading_lines=[cst.EmptyLine(indent=False)] * max(0, blanks - have) + lines)


def _used(module: cst.Module) -> set[str]:
    """Every identifier outside import statements, those in quoted annotations and ``__all__`` among them."""
    names = _Uses()
    module.visit(names)
    return names.found


class _Uses(cst.CSTVisitor):
    def __init__(self) -> None:
        self.found: set[str] = set()

    def visit_Import(self, node: cst.Import) -> bool:  # noqa: ARG002  # the names and forms are LibCST's
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:  # noqa: ARG002
        return False

    def visit_Name(self, node: cst.Name) -> None:
        self.found.add(node.value)

    def visit_SimpleString(self, node: cst.SimpleString) -> None:
        text = "".join(c if c.isalnum() or c == "_" else " " for c in node.raw_value)
        self.found.update(text.split())


def _without(statement: Statement, unused: set[str]) -> Statement | None:
    small = _only(statement)
    if not isinstance(small, cst.ImportFrom) or isinstance(small.names, cst.ImportStar):
        return statement
    names = [alias for alias in small.names if alias.asname is not None or name_of(alias.name) not in unused]
    if len(names) == len(small.names):
        return statement
    if not names:
        return None
    last = small.names[-1].comma
    names[-1] = names[-1].with_changes(comma=last)
    line = cst.ensure_type(statement, cst.SimpleStatementLine)
    return line.with_changes(body=[small.with_changes(names=names)])
