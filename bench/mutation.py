"""Mutation test: small faults put into the modules that decide, one at a time; each is to make a test of the module fail.

    python bench/mutation.py [--only wire/fields.py …] [--sample 40] [--minutes 10] [--seed 1]

Faults: a comparison turned round or moved by one, ``and`` for ``or``, ``not`` dropped, a condition negated, True for False, a number one
more, a plus for a minus, None returned, a statement left out. Made in a copy of the tree; nothing is written here. Those that no test notices are printed.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parents[1]
LONGEST = 60
_G, _W = "tests/guard/test_", "tests/wire/test_"
TESTS: dict[str, tuple[str, ...]] = {
    "wire/apikey.py": (f"{_W}apikey.py",),
    "wire/fields.py": (f"{_W}fields.py",),
    "wire/digest.py": (f"{_W}digest.py",),
    "wire/freshness.py": (f"{_W}freshness.py",),
    "wire/message.py": (f"{_W}rfc9421.py", f"{_W}signed_request.py", f"{_W}simple_signature.py"),
    "wire/signature.py": (f"{_W}rfc9421.py", f"{_W}signed_request.py"),
    "wire/signed_request.py": (f"{_W}signed_request.py",),
    "wire/simple_signature.py": (f"{_W}simple_signature.py",),
    "wire/strict_json.py": (f"{_W}token.py", f"{_G}hostile_bytes.py"),
    "wire/token.py": (f"{_W}token.py",),
    "wire/webhook.py": (f"{_W}webhook.py",),
    "guard/limits.py": (f"{_G}limits.py",),
    "guard/network.py": (f"{_G}network.py", f"{_G}hostile_bytes.py"),
    "guard/transport.py": (f"{_G}transport.py", f"{_G}attacks.py"),
    "guard/csrf.py": (f"{_G}csrf.py",),
    "guard/cors.py": (f"{_G}cors.py",),
    "guard/flow.py": (f"{_G}flow.py", f"{_G}attacks.py", f"{_G}bypasses.py", f"{_G}schemes.py", f"{_G}signed.py", f"{_G}webhooks.py"),
    "guard/straight.py": (f"{_G}flow.py", f"{_G}admitted.py", f"{_G}attacks.py", f"{_G}bypasses.py", f"{_G}schemes.py"),
    "guard/charging.py": (f"{_G}flow.py", f"{_G}limit_headers.py", f"{_G}policies.py", f"{_G}outages.py"),
    "guard/failures.py": (f"{_G}flow.py", f"{_G}attacks.py", f"{_G}schemes.py"),
    "guard/ownership.py": (f"{_G}ownership.py",),
    "guard/distinct.py": (f"{_G}intake.py", f"{_G}ownership.py", f"{_G}policies.py", f"{_G}declare.py"),
    "guard/concurrency.py": (f"{_G}intake.py", f"{_G}policies.py", f"{_G}declare.py"),
    "guard/intake.py": (f"{_G}intake.py",),
    "guard/versions.py": (f"{_G}lifecycle.py",),
    "guard/answers.py": (f"{_G}answers.py", f"{_G}flow.py", f"{_G}attacks.py"),
    "guard/leak.py": (f"{_G}leak.py",),
    "guard/webhooks.py": (f"{_G}webhooks.py",),
    "guard/authn/apikeys.py": (f"{_G}verify.py", f"{_G}flow.py", f"{_G}attacks.py"),
    "guard/authn/presented.py": (f"{_G}attacks.py", f"{_G}flow.py", f"{_G}schemes.py", f"{_G}hostile_bytes.py"),
    "guard/authn/basic.py": (f"{_G}schemes.py",),
    "guard/authn/certificate.py": (f"{_G}schemes.py",),
    "guard/authn/tickets.py": (f"{_G}tickets.py",),
    "guard/authn/jwt.py": (f"{_G}jwt.py", f"{_G}jwt_url.py"),
    "guard/authn/introspection.py": (f"{_G}introspection.py",),
    "guard/authn/signed.py": (f"{_G}signed.py", f"{_G}admitted.py"),
}
_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_OTHER: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}


def faults(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in a node's place."""
    if isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            made = copy.deepcopy(node)
            made.ops[index] = _TURNED[type(operator)]()
            yield made
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.BinOp) and type(node.op) in _OTHER and not isinstance(node.left, ast.Constant | ast.JoinedStr):
        yield ast.BinOp(node.left, _OTHER[type(node.op)](), node.right)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield ast.Constant(node.value + 1)
    elif isinstance(node, ast.Return) and not (node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None)):
        yield ast.Return(ast.Constant(None))
    elif isinstance(node, ast.If | ast.While | ast.IfExp) and isinstance(node.test, ast.Name | ast.Attribute | ast.Call | ast.NamedExpr):
        made = copy.copy(node)
        made.test = ast.UnaryOp(ast.Not(), node.test)
        yield made
    elif isinstance(node, ast.Raise | ast.AugAssign) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        yield ast.Pass()


class _Put(ast.NodeTransformer):
    """Puts a fault in the place of the node that is counted ``number``."""

    def __init__(self, number: int, fault: ast.AST) -> None:
        self.number, self.fault, self.seen = number, fault, -1

    def visit(self, node: ast.AST) -> ast.AST:
        self.seen += 1
        return self.fault if self.seen == self.number else self.generic_visit(node)


class _Counted(ast.NodeVisitor):
    """The nodes in the order in which ``_Put`` comes to them."""

    def __init__(self) -> None:
        self.nodes: list[ast.AST] = []

    def visit(self, node: ast.AST) -> None:
        self.nodes.append(node)
        self.generic_visit(node)


def mutants(source: str) -> list[tuple[int, str, str]]:
    """(line, what was changed, the whole text with it). Declarations of types and what only type checkers read are left alone."""
    counted = _Counted()
    counted.visit(ast.parse(source))
    left_alone = _left_alone(counted.nodes)
    found = []
    for number, node in enumerate(counted.nodes):
        if node in left_alone:
            continue
        for fault in faults(node):
            tree = _Put(number, fault).visit(ast.parse(source))
            try:
                text = ast.unparse(ast.fix_missing_locations(tree))
                changed = f"{ast.unparse(node)[:90]}  →  {ast.unparse(fault)[:90]}".replace("\n", " ")
            except (AttributeError, ValueError):
                continue
            found.append((getattr(node, "lineno", 0), changed, text))
    return found


def _left_alone(nodes: list[ast.AST]) -> set[ast.AST]:
    found: set[ast.AST] = set()
    for node in nodes:
        hidden: list[ast.AST | None] = []
        if isinstance(node, ast.AnnAssign):
            hidden = [node.annotation]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            hidden = [node.returns, *(one.annotation for one in [*node.args.args, *node.args.kwonlyargs]), *node.decorator_list]
        elif isinstance(node, ast.ClassDef):
            hidden = [*node.decorator_list]
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            hidden = [node]
        for one in hidden:
            found.update(ast.walk(one) if one is not None else ())
    return found


def killed(tree: Path, tests: tuple[str, ...]) -> bool:
    """Does a test fail, or none end? In a child, so that what every run imports is there already."""
    child = os.fork()
    if not child:
        os.setpgid(0, 0)
        with contextlib.suppress(BaseException):
            os._exit(_tested(tree, tests))
        os._exit(3)
    ends = time.monotonic() + LONGEST
    while time.monotonic() < ends:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) != 0
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def _tested(tree: Path, tests: tuple[str, ...]) -> int:
    import pytest

    os.chdir(tree)
    sys.path[:0] = [str(tree / "src"), str(tree)]
    os.environ["PYTHONPATH"] = str(tree / "src")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    quietly = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "--hypothesis-seed=0", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    return int(pytest.main([*quietly, *tests]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=sorted(TESTS), default=[])
    parser.add_argument("--sample", type=int, default=10_000, help="so many faults of each module, drawn by --seed")
    parser.add_argument("--minutes", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    ends = time.monotonic() + asked.minutes * 60
    for name in ("flask", "fastapi", "httpx", "hypothesis", "cryptography.x509", "joserfc.jwt", "pydantic", "http_message_signatures"):
        with contextlib.suppress(ImportError):
            __import__(name)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(HERE, tree, ignore=shutil.ignore_patterns(".git", ".hypothesis", ".venv*", "__pycache__"))
        for module in asked.only or TESTS:
            if time.monotonic() < ends:
                _module(tree, module, asked.sample, asked.seed, ends)


def _module(tree: Path, module: str, sample: int, seed: int, ends: float) -> None:
    file = tree / "src/ostiary" / module
    source = file.read_text()
    if killed(tree, TESTS[module]):
        print(f"{module}: its tests fail without any fault", flush=True)
        return
    every = mutants(source)
    tried, alive = 0, []
    for line, changed, text in random.Random(seed).sample(every, min(sample, len(every))):
        if time.monotonic() > ends:
            break
        file.write_text(text)
        tried += 1
        if not killed(tree, TESTS[module]):
            alive.append(f"  line {line}: {changed}")
            print(alive[-1], flush=True)
    file.write_text(source)
    print(f"{module}: {tried - len(alive)} of {tried} killed ({len(every)} possible)", flush=True)


if __name__ == "__main__":
    main()
