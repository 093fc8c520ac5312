"""Small edits of expressions: in, out, every comment and blank kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import libcst as cst

_ATOMS = (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.SimpleString, cst.FormattedString, cst.List, cst.Dict, cst.Set, cst.Tuple)


def code(node: cst.CSTNode) -> str:
    """The node as written."""
    return cst.Module([]).code_for_node(node)


def same(left: cst.CSTNode, right: cst.CSTNode) -> bool:
    """Equal but for blanks."""
    return "".join(code(left).split()) == "".join(code(right).split())


def name_of(node: cst.CSTNode) -> str:
    """``a.b`` of a chain of names, "" of anything else."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        base = name_of(node.value)
        return f"{base}.{node.attr.value}" if base else ""
    return ""


def last_name(node: cst.CSTNode) -> str:
    """``c`` of ``a().b.c``."""
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


def bare(node: cst.BaseExpression) -> cst.BaseExpression:
    """Without the parentheses around it."""
    return node.with_changes(lpar=(), rpar=())


def enclosed(node: cst.BaseExpression) -> cst.BaseExpression:
    """In parentheses, of its own or new ones."""
    return node if node.lpar else node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def atom(node: cst.BaseExpression) -> cst.BaseExpression:
    """Fit to stand before a dot."""
    return node if isinstance(node, _ATOMS) else enclosed(node)


def method(node: cst.BaseExpression, name: str, *args: cst.BaseExpression) -> cst.Call:
    """``node.name(args)``."""
    return cst.Call(cst.Attribute(atom(node), cst.Name(name)), [cst.Arg(arg) for arg in args])


def dotted(name: str) -> cst.BaseExpression:
    return cst.parse_expression(name)


def around(old: cst.BaseExpression, new: cst.BaseExpression) -> cst.BaseExpression:
    """``new`` in the parentheses that stood around ``old``."""
    return new.with_changes(lpar=old.lpar, rpar=old.rpar) if old.lpar else new


def keyword(call: cst.Call, name: str) -> cst.Arg | None:
    return next((arg for arg in call.args if arg.keyword is not None and arg.keyword.value == name), None)


def item(base: cst.BaseExpression, key: cst.BaseExpression) -> cst.Subscript:
    """``base[key]``."""
    return cst.Subscript(base, [cst.SubscriptElement(cst.Index(key))])


def without(call: cst.Call, name: str) -> cst.Call:
    """The call without a keyword argument; what follows moves up, comments of the other arguments stay."""
    args = list(call.args)
    index = next((n for n, arg in enumerate(args) if arg.keyword is not None and arg.keyword.value == name), None)
    if index is None:
        return call
    gone = args.pop(index)
    if not args:
        return call.with_changes(args=(), whitespace_before_args=cst.SimpleWhitespace(""))
    if index == len(args):
        args[-1] = _as_last(args[-1], gone)
    return call.with_changes(args=args)


def _as_last(arg: cst.Arg, gone: cst.Arg) -> cst.Arg:
    """Ends the arguments as the removed one did: with or without a comma, on the same line or the next."""
    comment = _comment(arg)
    if comment is None:
        return arg.with_changes(comma=gone.comma, whitespace_after_arg=gone.whitespace_after_arg)
    ending = gone.comma.whitespace_after if isinstance(gone.comma, cst.Comma) else gone.whitespace_after_arg
    if not isinstance(ending, cst.ParenthesizedWhitespace):
        ending = cst.ParenthesizedWhitespace()
    return arg.with_changes(comma=cst.Comma(whitespace_after=ending.with_changes(first_line=comment)))


def _comment(arg: cst.Arg) -> cst.TrailingWhitespace | None:
    after = arg.comma.whitespace_after if isinstance(arg.comma, cst.Comma) else None
    if isinstance(after, cst.ParenthesizedWhitespace) and after.first_line.comment is not None:
        return after.first_line
    return None


def with_keyword(call: cst.Call, name: str, value: cst.BaseExpression) -> cst.Call:
    """The call with a keyword argument set: in its place when it is there, else first."""
    args = list(call.args)
    for index, arg in enumerate(args):
        if arg.keyword is not None and arg.keyword.value == name:
            args[index] = arg.with_changes(value=value)
            return call.with_changes(args=args)
    fresh = cst.Arg(value, cst.Name(name), equal=cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace("")))
    positional = sum(arg.keyword is None for arg in args)
    args.insert(positional, fresh)
    return call.with_changes(args=_commas(args))


def _commas(args: Sequence[cst.Arg]) -> list[cst.Arg]:
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    *most, last = args
    return [arg if isinstance(arg.comma, cst.Comma) else arg.with_changes(comma=comma) for arg in most] + [last]


def contains(node: cst.CSTNode, kinds: tuple[type[cst.CSTNode], ...]) -> bool:
    """Is a node of these kinds inside, or the node itself one?"""
    if isinstance(node, kinds):
        return True
    return any(contains(child, kinds) for child in node.children)


def names_in(node: cst.CSTNode) -> Iterable[str]:
    """Every identifier, those after a dot left out."""
    if isinstance(node, cst.Name):
        yield node.value
        return
    if isinstance(node, cst.Attribute):
        yield from names_in(node.value)
        return
    children = [node.value] if isinstance(node, cst.Arg) else node.children
    for child in children:
        yield from names_in(child)


def words_of(node: cst.CSTNode) -> Iterable[str]:
    """Every identifier and every text, those after a dot and between quotation marks, too."""
    if isinstance(node, cst.Name):
        yield node.value
    elif isinstance(node, cst.SimpleString):
        yield str(node.raw_value)
    for child in node.children:
        yield from words_of(child)
