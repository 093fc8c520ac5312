"""What a scan costs, against ``ast.parse`` alone and what a user would pick instead.

``python bench/scan.py PATH [PATH…] [-n 5] [--bandit PROGRAM] [--semgrep PROGRAM --semgrep-config FOLDER [--semgrep-rounds 1]] [--check]``

Each round runs every tool once, one after the other, so that a busy moment of the machine meets all of them; medians are shown.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from measure import BenchError, Cost, middle, run

HERE = Path(__file__).resolve().parent
MEGABYTE = 1024 * 1024

# Budgets of a scan's CPU time and memory.
TIMES_PARSE = 1.5
BANDIT_SLOWER = 5.0
SEMGREP_SLOWER = 1.0
PEAK = 500 * MEGABYTE

_HEAD = (
    "| project | ast.parse s | ostiary s | ÷ ast.parse | peak MB | bandit s | ÷ ostiary | semgrep s | ÷ ostiary |",
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
)


@dataclass(frozen=True, slots=True)
class Tool:
    """Something to be measured; ``run`` does its work once on a path, in the first ``rounds`` of them."""

    name: str
    run: Callable[[str], Cost]
    rounds: int = sys.maxsize


def main() -> int:
    options = _arguments()
    tools = _tools(options)
    kept = True
    rows = []
    for path in options.paths:
        if not Path(path).exists():
            sys.exit(f"no such file or folder: {path}")
        costs = _measure(path, tools, options.rounds)
        kept = _report(costs) and kept
        rows.append(_row(path, costs))
    print("", *_HEAD, *rows, sep="\n")
    return 0 if kept or not options.check else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="CPU time and memory of a scan, paired and interleaved; medians")
    parser.add_argument("paths", nargs="+", metavar="PATH")
    parser.add_argument("-n", dest="rounds", type=int, default=5, help="rounds (5)")
    parser.add_argument("--ostiary", default=str(Path(sysconfig.get_path("scripts")) / "ostiary"), metavar="PROGRAM")
    parser.add_argument("--bandit", default=shutil.which("bandit"), metavar="PROGRAM")
    parser.add_argument("--semgrep", default=shutil.which("semgrep"), metavar="PROGRAM")
    parser.add_argument("--semgrep-config", metavar="FOLDER", help="its rules, for example the python folder of semgrep-rules")
    parser.add_argument("--semgrep-rounds", type=int, default=sys.maxsize, metavar="N", help="it is slow: only in the first N rounds")
    parser.add_argument("--check", action="store_true", help="exit code 1 when a budget is missed")
    return parser.parse_args()


def _tools(options: argparse.Namespace) -> list[Tool]:
    ostiary = options.ostiary
    tools = [
        Tool("ast.parse", _parse),
        Tool("start-up", lambda _path: run([ostiary, "--help"])),
        Tool("ostiary", lambda path: run([ostiary, "scan", path, "--fail-on", "never", "--format", "json"], fine=(0, 3))),
    ]
    if options.bandit:
        tools.append(Tool("bandit", lambda path: run([options.bandit, "-r", "-q", path], fine=(0, 1))))
    if options.semgrep and options.semgrep_config:
        command = [options.semgrep, "scan", "--config", options.semgrep_config, "--metrics", "off", "--disable-version-check", "--quiet"]
        # Its exit code 2 also tells of files that it could not parse.
        tools.append(Tool("semgrep", lambda path: run([*command, path], fine=(0, 1, 2)), options.semgrep_rounds))
    return tools


def _parse(path: str) -> Cost:
    """Only the parsing counts, not the interpreter's start or the reading."""
    cost = run([sys.executable, str(HERE / "parse.py"), path], keep=True)
    return replace(cost, cpu=float(cost.output.split()[0]))


def _measure(path: str, tools: list[Tool], rounds: int) -> dict[str, Cost]:
    costs: dict[str, list[Cost]] = {tool.name: [] for tool in tools}
    try:
        for number in range(rounds):
            for tool in (one for one in tools if number < one.rounds):
                _tell(f"{path}: round {number + 1} of {rounds}, {tool.name}")
                costs[tool.name].append(tool.run(path))
    except BenchError as problem:
        sys.exit(f"\n{problem}")
    finally:
        _tell("")
    _, files, size, broken = costs["ast.parse"][0].output.split()
    print(f"\n{path}: {files} Python files, {int(size) / MEGABYTE:.1f} MB, {broken} do not parse; medians of {rounds}")
    return {name: middle(each) for name, each in costs.items()}


def _tell(progress: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{progress}\033[K", end="", file=sys.stderr)


def _report(costs: dict[str, Cost]) -> bool:
    parse, scan = costs["ast.parse"], costs["ostiary"]
    print(f"{'':12}{'CPU s':>9}{'wall s':>9}{'peak MB':>9}{'x ast.parse':>13}{'x ostiary':>11}")
    for name, cost in costs.items():
        wall = "" if name == "ast.parse" else f"{cost.wall:.3f}"
        times = f"{_times(cost, parse):>13.2f}{_times(cost, scan):>11.2f}"
        print(f"{name:12}{cost.cpu:>9.3f}{wall:>9}{cost.peak / MEGABYTE:>9.0f}{times}")
    print(f"ostiary less start-up: {(scan.cpu - costs['start-up'].cpu) / max(parse.cpu, 1e-9):.2f} x ast.parse")
    budgets = _budgets(costs)
    for text, kept in budgets:
        print(f"  {'kept  ' if kept else 'MISSED'}  {text}")
    return all(kept for _, kept in budgets)


def _row(path: str, costs: dict[str, Cost]) -> str:
    """The same as a line of Markdown, for ``docs/performance.md``."""
    parse, scan = costs["ast.parse"], costs["ostiary"]
    cells = [Path(path).resolve().name, f"{parse.cpu:.2f}", f"{scan.cpu:.2f}", f"{_times(scan, parse):.2f}", f"{scan.peak / MEGABYTE:.0f}"]
    for name in ("bandit", "semgrep"):
        other = costs.get(name)
        cells += ["", ""] if other is None else [f"{other.cpu:.1f}", f"{_times(other, scan):.1f}"]
    return f"| {' | '.join(cells)} |"


def _budgets(costs: dict[str, Cost]) -> list[tuple[str, bool]]:
    parse, scan = costs["ast.parse"], costs["ostiary"]
    budgets = [
        (f"at most {TIMES_PARSE} x ast.parse", scan.cpu <= TIMES_PARSE * parse.cpu),
        (f"peak below {PEAK // MEGABYTE} MB", scan.peak < PEAK),
    ]
    if "bandit" in costs:
        budgets.append((f"at least {BANDIT_SLOWER:g} x faster than bandit", costs["bandit"].cpu >= BANDIT_SLOWER * scan.cpu))
    if "semgrep" in costs:
        budgets.append(("faster than semgrep", costs["semgrep"].cpu > SEMGREP_SLOWER * scan.cpu))
    return budgets


def _times(cost: Cost, yardstick: Cost) -> float:
    return cost.cpu / max(yardstick.cpu, 1e-9)


if __name__ == "__main__":
    sys.exit(main())
