"""Drawing by several processes. Python's lock lets threads draw hardly faster than one; processes draw side by side.

They are started as `python -m mien.datasets.avatars`, not by multiprocessing, which would run a script of the user's again in each.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, pairwise
from threading import Event

from mien.datasets.avatars.rows import Drawn, Plan

_PAYS = 600
"""Small pictures that take longer to draw than a process takes to start."""


def draw_all(plan: Plan, count: int, workers: int | None) -> list[Drawn]:
    """The rows of items 0 to `count` - 1 of a plan, in order. `workers`: processes; None is one a core where that pays."""
    first, *others = _shares(count, workers or _cores(plan, count))
    running: list[subprocess.Popen[bytes]] = []
    stopped = Event()
    with ThreadPoolExecutor(len(others) or 1) as pool:
        try:
            answers = [pool.submit(_ask, plan, share, running, stopped) for share in others]
            parts = [_draw(plan, first)]
            for share, answer in zip(others, answers, strict=True):
                # a helper that could not work (no interpreter at hand, no memory) leaves its share to this process
                parts.append(answer.result() or _draw(plan, share))
        except BaseException:  # an interrupt may reach this process alone, and the pool waits for its helpers
            stopped.set()
            for helper in running:
                helper.kill()
            raise
    return list(chain.from_iterable(parts))


def serve() -> None:
    """Be a helper: read a plan and a share from standard input, write the rows to standard output."""
    import cv2

    cv2.setNumThreads(1)
    plan, share = pickle.load(sys.stdin.buffer)
    sys.stdout.buffer.write(pickle.dumps(_draw(plan, share), pickle.HIGHEST_PROTOCOL))


def _ask(plan: Plan, share: range, running: list[subprocess.Popen[bytes]], stopped: Event) -> list[Drawn] | None:
    """What a helper drew, None when it failed. It is put into `running` as it starts, and ends if all was `stopped` meanwhile."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    try:
        helper = subprocess.Popen(
            [sys.executable, "-m", "mien.datasets.avatars"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        with helper:
            running.append(helper)
            if stopped.is_set():  # by who did not see it among the running
                helper.kill()
            drawn, _ = helper.communicate(pickle.dumps((plan, share)))
    except OSError:
        return None
    return list(pickle.loads(drawn)) if helper.returncode == 0 else None


def _draw(plan: Plan, share: range) -> list[Drawn]:
    return list(chain.from_iterable(plan.drawn(index) for index in share))


def _shares(count: int, workers: int) -> list[range]:
    """Runs of items, one for each worker, none empty."""
    workers = min(workers, count)
    ends = [count * i // workers for i in range(workers + 1)]
    return [range(start, end) for start, end in pairwise(ends)]


def _cores(plan: Plan, count: int) -> int:
    """How many processes pay for so many items."""
    work = count * max(plan.length[1], 1) * max(1.0, plan.size / 72) ** 2
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, int(work / _PAYS), 16))
