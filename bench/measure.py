"""Runs a command once and says what it cost: CPU and wall time, peak memory, of the process and all its children."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

# ru_maxrss is in kilobytes, on macOS in bytes.
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of CPU (user and system) and wall time, bytes of peak memory, what was printed."""

    cpu: float
    wall: float
    peak: int
    output: str = ""


class BenchError(Exception):
    """A command did not do its work, so its time means nothing."""


def run(command: Sequence[str], fine: Sequence[int] = (0,), *, keep: bool = False) -> Cost:
    """Runs to the end; another exit code than the fine ones is an error. ``keep`` what it prints: to hold reports here would count as its peak."""
    started = time.perf_counter()
    # wait4 must reap the process, not Popen: only it knows the cost of this very child.
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if keep else subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    output = process.stdout.read() if process.stdout else b""
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in fine:
        raise BenchError(f"exit code {process.returncode}: {' '.join(command)}")
    return Cost(_cpu(usage), wall, usage.ru_maxrss * _PEAK_UNIT, output.decode("utf-8", "replace"))


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each value."""
    return Cost(
        cpu=median(cost.cpu for cost in costs),
        wall=median(cost.wall for cost in costs),
        peak=round(median(cost.peak for cost in costs)),
    )


def _cpu(usage: resource.struct_rusage) -> float:
    return usage.ru_utime + usage.ru_stime
