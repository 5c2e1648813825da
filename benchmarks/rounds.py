"""How fast several ways do the same work: in rounds, so that what slows the machine for a while slows them all."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

Ways = Mapping[str, Callable[[], object]]


def speeds(ways: Ways, count: int, rounds: int) -> dict[str, list[float]]:
    """Of `count` things, how many a second each way does, one figure a round; every second round goes backwards.

    A first round, in which processes start and caches are filled, is not counted.
    """
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name in list(ways)[:: -1 if number % 2 else 1]:
            began = time.perf_counter()
            ways[name]()
            if number:
                found[name].append(count / (time.perf_counter() - began))
    return found


def said(figures: Sequence[float], digits: int = 0) -> str:
    """Their median, and from where to where they go."""
    return "{} ({} – {})".format(*(f"{figure:,.{digits}f}" for figure in (median(figures), min(figures), max(figures))))


def command(data: Path | None) -> str:
    """This process's, as another would call it, with DATA for the folder of data."""
    return " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *("DATA" if word == str(data) else word for word in sys.argv[1:])])
