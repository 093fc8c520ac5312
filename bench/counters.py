"""Counters in memory: what a million distinct keys cost and take, and how many calls a limit admits in its worst minute.

python bench/counters.py [--keys 1000000]
"""

from __future__ import annotations

import argparse
import gc
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable

from ostiary.guard.stores.base import Charge
from ostiary.guard.stores.memory_counters import MemoryCounters
from ostiary.model.limit import Limit, parse

NOW = 1_800_000_000.0


def charges(limits: Iterable[Limit], who: str) -> list[Charge]:
    return [Charge(("", "GET", "/api/v1/orders", "api-key", who), limit) for limit in limits]


def microseconds(store: MemoryCounters, limits: tuple[Limit, ...], names: Iterable[str], at: float) -> float:
    asked = [charges(limits, name) for name in names]
    began = time.process_time()
    for number, one in enumerate(asked):
        store.spend(one, at + number * 1e-6)
    return (time.process_time() - began) / len(asked) * 1e6


def many(text: str, keys: int) -> None:
    """Cost with one key and with many, in steps so that the questions themselves take no room; bytes for each counter."""
    limits = tuple(parse(text))
    alone = microseconds(MemoryCounters(), limits, ["one"] * 50_000, NOW)
    gc.collect()
    tracemalloc.start()
    store = MemoryCounters(keys * len(limits))
    for first in range(0, keys, 10_000):
        for number in range(first, min(keys, first + 10_000)):
            store.spend(charges(limits, f"{number:012d}"), NOW)
    gc.collect()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    crowded = microseconds(store, limits, [f"{number * 7919 % keys:012d}" for number in range(50_000)], NOW)
    print(
        f"| `{text}` | {alone:.2f} | {crowded:.2f} | {crowded / alone:.2f} | {size / len(store):.0f} | {threading.active_count() - 1} |",
        flush=True,
    )


def fixed(count: int) -> Callable[[float], bool]:
    """What counts in minutes of the clock."""
    spent: Counter[int] = Counter()

    def admits(now: float) -> bool:
        spent[int(now // 60)] += 1
        return spent[int(now // 60)] <= count

    return admits


def sliding(count: int) -> Callable[[float], bool]:
    """What weighs the minute before by how much of it is left in the window."""
    spent: Counter[int] = Counter()

    def admits(now: float) -> bool:
        minute, part = int(now // 60), now % 60 / 60
        if spent[minute - 1] * (1 - part) + spent[minute] + 1 > count:
            return False
        spent[minute] += 1
        return True

    return admits


def ours(count: int) -> Callable[[float], bool]:
    store, asked = MemoryCounters(), charges([Limit(count, 60)], "one")
    return lambda now: store.spend(asked, now).allowed


def worst(admits: Callable[[float], bool]) -> int:
    """The most that is admitted in any 60 s, of bursts that a caller who knows the clock would send."""
    bursts = [NOW + 59.9 + call / 10_000 for call in range(250)] + [NOW + 60.01 + call / 10_000 for call in range(250)]
    calls = sorted(bursts + [NOW + 240 + 59.9 + call / 10_000 for call in range(250)] + [NOW + 300 + call / 20 for call in range(2400)])
    passed = [now for now in calls if admits(now)]
    return max(sum(start <= now < start + 60 for now in passed) for start in passed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=1_000_000)
    keys = parser.parse_args().keys
    print(f"| limit | one key µs | {keys:,} keys µs | ratio | bytes a counter | threads |\n|---|---:|---:|---:|---:|---:|")
    for text in ("5 per minute", "100 per minute", "100 per minute;10000 per day", "1000000 per day"):
        many(text, keys)
    print("\n| `100/minute` | admitted in the worst 60 s |\n|---|---:|")
    for name, make in {"fixed window": fixed, "sliding counter": sliding, "Ostiary": ours}.items():
        print(f"| {name} | {worst(make(100))} |")


if __name__ == "__main__":
    main()
