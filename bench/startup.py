"""How long a user waits for the smallest commands: ``python bench/startup.py [-n 15]``. Wall time, interleaved, medians."""

from __future__ import annotations

import argparse
import sys
import sysconfig
import tempfile
from pathlib import Path

from measure import BenchError, Cost, middle, run

SERVICE = """\
from flask import Flask, request

app = Flask(__name__)


@app.get("/orders/<int:number>")
def order(number):
    return {"number": number, "by": request.args.get("user")}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description="wall time of the smallest commands, medians")
    parser.add_argument("-n", dest="rounds", type=int, default=15, help="rounds (15)")
    parser.add_argument("--ostiary", default=str(Path(sysconfig.get_path("scripts")) / "ostiary"), metavar="PROGRAM")
    parser.add_argument("--check", action="store_true", help="exit code 1 when a budget is missed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "service.py")
        file.write_text(SERVICE, encoding="utf-8")
        kept = _compare(_commands(options.ostiary, str(file)), options.rounds)
    return 0 if kept or not options.check else 1


def _commands(ostiary: str, file: str) -> dict[str, tuple[list[str], float | None]]:
    """Each with its budget in seconds; the first is what nobody can go below."""
    return {
        "python -c pass": ([sys.executable, "-c", "pass"], None),
        "import ostiary": ([sys.executable, "-c", "import ostiary"], None),
        "ostiary --help": ([ostiary, "--help"], 0.150),
        "ostiary scan service.py": ([ostiary, "scan", file, "--fail-on", "never"], 0.300),
    }


def _compare(commands: dict[str, tuple[list[str], float | None]], rounds: int) -> bool:
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    try:
        for _ in range(rounds):
            for name, (command, _budget) in commands.items():
                costs[name].append(run(command, fine=(0, 3)))
    except BenchError as problem:
        sys.exit(str(problem))
    kept = True
    print(f"{'':26}{'wall ms':>9}{'CPU ms':>9}{'peak MB':>9}")
    for name, (_command, budget) in commands.items():
        cost = middle(costs[name])
        verdict = "" if budget is None else f"  {'kept' if cost.wall <= budget else 'MISSED'}: at most {budget * 1000:.0f} ms"
        print(f"{name:26}{cost.wall * 1000:>9.1f}{cost.cpu * 1000:>9.1f}{cost.peak / 1024 / 1024:>9.0f}{verdict}")
        kept = kept and (budget is None or cost.wall <= budget)
    return kept


if __name__ == "__main__":
    sys.exit(main())
