"""How long models take, measured there and then, in turns: what slows the machine for a while slows all of them alike."""

from __future__ import annotations

import contextlib
import gc
import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.errors import InputError, OptionError
from mien.core.machine import processor

RUNS = 200
"""Timed runs of one face for each model."""
SECONDS = 10.0
"""What each model may take for its runs of one face, and once more for its batches; slow ones make fewer runs."""
LEAST = 5
"""Runs that a model makes even when it takes longer than SECONDS."""
TURN = 5
"""Timed runs in a row; an untimed one goes before, so that the weights are where they are in steady use."""
BATCH = 64
BATCHES = 8

Samples = NDArray[np.uint8] | list[NDArray[np.uint8]]
"""Crops (N, H, W) or (N, H, W, 3), or N sequences of crops (T, H, W) or (T, H, W, 3)."""
Predict = Callable[[Any], object]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Speed:
    """`latency_ms`: median time of one face by itself, with its preprocessing, and its quartiles (25 %, 75 %), over `runs` runs.

    `faces_per_s`: the median of `batches` batches of BATCH faces. What is said of faces is of sequences where those are timed.
    """

    latency_ms: float
    latency_spread: tuple[float, float]
    runs: int
    faces_per_s: float
    batches: int


def measure(
    models: Sequence[Predict],
    samples: Samples,
    *,
    threads: int | None = 1,
    runs: int = RUNS,
    seconds: float = SECONDS,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Speed, ...]:
    """Time each model on the same faces, in turns of a random order.

    `samples`: N ≥ 1, taken one after another and over again. `threads` is what the models were loaded with; OpenCV, which resizes the
    crops, gets as many. `progress` is called with the share of the work that is done and 100.

    Raises OptionError for `runs` or `seconds` out of range, InputError for no samples.
    """
    if runs < 1 or not seconds > 0:
        raise OptionError(f"Timing needs runs ≥ 1 and seconds > 0; received {runs} and {seconds}.")
    if not len(samples):
        raise InputError("Timing needs one crop or more; received none.")
    tell = progress or (lambda done, total: None)
    alone = [samples[i : i + 1] for i in range(min(len(samples), RUNS))]
    places = np.arange(BATCH) % len(samples)
    many = [samples[i] for i in places] if isinstance(samples, list) else samples[places]
    order = random.Random(seed)
    with _quiet(threads):
        single = _in_turns(models, alone, runs, TURN, seconds, order, lambda share: tell(int(50 * share), 100))
        batched = _in_turns(models, [many], min(runs, BATCHES), 1, seconds, order, lambda share: tell(50 + int(50 * share), 100))
    return tuple(_speed(one, all_) for one, all_ in zip(single, batched, strict=True))


def hardware() -> str:
    """The processor, the cores this process may use, and the versions that make the speed."""
    import onnxruntime

    return f"{processor()}, {cores()} cores, Python {platform.python_version()}, ONNX Runtime {onnxruntime.__version__}"


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load() -> float | None:
    """How many processes wanted a core in the last minute, on average; None where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _in_turns(
    models: Sequence[Predict],
    inputs: Sequence[Samples],
    runs: int,
    turn: int,
    seconds: float,
    order: random.Random,
    tell: Callable[[float], None],
) -> list[list[float]]:
    """Seconds of each run of each model: `runs` of them, fewer (but LEAST, or `turn`) for one that has used up `seconds`."""
    times: list[list[float]] = [[] for _ in models]
    spent = [0.0] * len(models)
    while waiting := [i for i, done in enumerate(times) if len(done) < runs and (spent[i] < seconds or len(done) < min(LEAST, turn))]:
        order.shuffle(waiting)
        for i in waiting:
            start = time.perf_counter()
            times[i] += _turn(models[i], inputs, len(times[i]), min(turn, runs - len(times[i])))
            spent[i] += time.perf_counter() - start
        tell(min(max(len(done) / runs, used / seconds) for done, used in zip(times, spent, strict=True)))
    return times


def _turn(predict: Predict, inputs: Sequence[Samples], first: int, count: int) -> list[float]:
    predict(inputs[first % len(inputs)])
    times = []
    for i in range(first, first + count):
        start = time.perf_counter()
        predict(inputs[i % len(inputs)])
        times.append(time.perf_counter() - start)
    return times


def _speed(single: list[float], batched: list[float]) -> Speed:
    low, high = np.quantile(single, [0.25, 0.75])
    return Speed(
        latency_ms=1e3 * statistics.median(single),
        latency_spread=(1e3 * float(low), 1e3 * float(high)),
        runs=len(single),
        faces_per_s=BATCH / statistics.median(batched),
        batches=len(batched),
    )


@contextlib.contextmanager
def _quiet(threads: int | None) -> Iterator[None]:
    """No collection of garbage while the clock runs, and OpenCV on as many threads as the models."""
    collects, before = gc.isenabled(), cv2.getNumThreads()
    gc.collect()
    gc.disable()
    if threads is not None:
        cv2.setNumThreads(threads)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
        if collects:
            gc.enable()
