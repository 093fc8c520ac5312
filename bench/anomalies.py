"""How often ordinary traffic is called out of the ordinary, and which attacks are told: a simulated week, then one attack of each kind.

    python bench/anomalies.py [SEED]

Ordinary: 300 keys of very different habits with a daily peak, some of which travel, a tenth of them phones whose /16 changes; a nightly
job that reads its own ids one after the other; expired keys, broken links, rate limits, 1 % of errors.
"""

from __future__ import annotations

import math
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator

from ostiary.guard.anomaly import DAY, HOUR, Anomaly, Detector
from ostiary.guard.event import Event

START = 1_800_000_000.0 // DAY * DAY
DAYS = 7
ROUTE = ("GET", "/orders/{order_id}")


def ordinary(source: random.Random) -> Iterator[Event]:
    """A week of it, in order."""
    keys = [
        (f"key{number}", 10 ** source.uniform(-1.0, 2.0), source.random() < 0.1, f"{source.randint(11, 99)}.{number % 250}")
        for number in range(300)
    ]
    for hour in range(DAYS * 24):
        load = 1.0 + 0.8 * math.sin((hour % 24 - 8) / 24 * 2 * math.pi)
        rows: list[Event] = []
        for key, rate, phone, home in keys:
            for _ in range(_poisson(source, rate * load)):
                address = f"{source.randint(11, 99)}.{source.randint(0, 9)}.3.4" if phone else f"{home}.{source.randint(0, 3)}.7"
                rows.append(_call(source, START + hour * HOUR + source.random() * HOUR, key, address))
        if hour % 24 == 3:
            rows += [
                _call(source, START + hour * HOUR + number * 2.0, "nightly", "10.9.8.7", f"/orders/{5_000 + number}")
                for number in range(1_200)
            ]
        yield from sorted(rows)


def _poisson(source: random.Random, mean: float) -> int:
    count, left = 0, mean
    while (left := left - source.expovariate(1.0)) > 0:
        count += 1
    return count


def _call(source: random.Random, when: float, key: str, address: str, path: str = "") -> Event:
    event = Event(when, "r", ROUTE, "v1", "GET", path or f"/orders/{source.randint(1, 100_000)}", 200, 900, key, key, address, "app/1")
    chance = source.random()
    if path or chance > 0.02:
        return event
    if chance < 0.005:
        return event._replace(status=404)
    if chance < 0.010:
        return event._replace(status=401, verdict="deny", reason="key_expired", principal="", key_id="")
    if chance < 0.015:
        return event._replace(status=429, verdict="deny", reason="limit")
    return event._replace(route=("", ""), path="/favicon.ico", status=404, verdict="deny", reason="no_route", principal="", key_id="")


def attacks(now: float) -> dict[str, list[Event]]:
    """One of each kind."""
    base = Event(now, "r", ROUTE, "v1", "GET", "/orders/7", 200, 900, "key250", "key250", "198.51.100.7", "curl/8")
    stranger = base._replace(principal="", key_id="", verdict="deny", address="198.51.100.66")
    return {
        "refusals": [stranger._replace(time=now + at * 0.1, status=401, reason="key_unknown") for at in range(1_500)],
        "new-network": [base._replace(time=now + 400, key_id=key, principal=key) for key in ("nightly",)],
        "rate": [base._replace(time=now + HOUR + at * 0.2, address="10.9.8.7", key_id="key250") for at in range(9_000)],
        "id-walking": [
            base._replace(time=now + 2 * HOUR + at, path=f"/orders/{900 + at}", status=404 if at % 3 else 200) for at in range(60)
        ],
        "unknown-paths": [
            stranger._replace(time=now + 3 * HOUR + at, route=("", ""), path=f"/{at}.php", status=404, reason="no_route")
            for at in range(60)
        ],
    }


def main(seed: int) -> int:
    detector, alarms, number = Detector(), list[Anomaly](), 0
    began = time.process_time()
    events = list(ordinary(random.Random(seed)))
    made = time.process_time()
    alarms = detector.observe(events)
    spent, number = time.process_time() - made, len(events)
    print(f"ordinary: {number:,} events in {DAYS} days (made in {made - began:.0f} s), {spent / number * 1e6:.1f} µs each")
    print(f"false alarms: {len(alarms)}, {len(alarms) / number * 1e6:.1f} per million events {dict(Counter(one.kind for one in alarms))}")
    missed = 0
    for kind, rows in attacks(START + DAYS * DAY).items():
        found = [one for one in detector.observe(rows) if one.kind == kind]
        missed += not found
        print(f"{kind:<14} {'told after ' + format(found[0].time - rows[0].time, '.0f') + ' s: ' + found[0].why if found else 'NOT TOLD'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
