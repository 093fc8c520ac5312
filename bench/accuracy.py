"""How right the source reader is on real projects: routes found and protection told, against labels made by hand.

    python bench/accuracy.py CLONES [PROJECT …]

CLONES is a folder with a clone of each repository named in ``bench/labels/*.json`` at the commit named there. Labels come in two sets: the reader
was tuned with ``tuned_on`` at hand; ``held_out`` was labelled blind, after a second draw, and is what tells the truth.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from ostiary.model.route import Route
from ostiary.scan.run import scan_tree

LABELS = Path(__file__).parent / "labels"


def verdict(label: dict[str, Any], routes: dict[tuple[str, str], Route]) -> str:
    """right, wrong, cannot tell, or missing."""
    route = routes.get((label["method"], label["path"]))
    if route is None:
        return "missing"
    state = route.protection.state.value
    if state == label["state"] or state in label["acceptable"]:
        return "right"
    return "cannot tell" if state == "unknown" else "wrong"


def measure(name: str, clones: Path, verbose: bool) -> Counter[str]:
    labels = json.loads((LABELS / f"{name}.json").read_text(encoding="utf-8"))
    routes = {route.key: route for route in scan_tree(clones / name / labels["root"]).routes}
    wanted = {(method, path) for method, path in labels["routes"]}
    out = Counter(routes=len(wanted), found=len(wanted & set(routes)), extra=len(set(routes) - wanted))
    for kind in ("tuned_on", "held_out"):
        for label in labels[kind]:
            told = verdict(label, routes)
            out[f"{kind} {told}"] += 1
            if verbose and told != "right":
                print(f"    {told}: {label['method']} {label['path']} is {label['state']}", file=sys.stderr)
    return out


def row(name: str, seen: Counter[str]) -> str:
    parts = [f"{seen['found']}/{seen['routes']}", str(seen["extra"])]
    told = ("right", "wrong", "cannot tell", "missing")
    parts += [" / ".join(str(seen[f"{kind} {word}"]) for word in told) for kind in ("tuned_on", "held_out")]
    return f"| {name} | " + " | ".join(parts) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clones", type=Path)
    parser.add_argument("projects", nargs="*")
    parser.add_argument("-v", "--verbose", action="store_true", help="name each label that was not met")
    given = parser.parse_args()
    names = given.projects or sorted(path.stem for path in LABELS.glob("*.json"))
    print(
        "| project | routes found | extra | tuned on: right / wrong / cannot tell / missing | held out: the same |\n|---|---|---|---|---|"
    )
    total: Counter[str] = Counter()
    for name in names:
        seen = measure(name, given.clones, given.verbose)
        total += seen
        print(row(name, seen), flush=True)
    print(row("all", total))


if __name__ == "__main__":
    main()
