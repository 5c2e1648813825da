from __future__ import annotations

import gc
import itertools
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from mien.bench import measure as clock
from mien.bench.measure import cores, hardware, load, measure
from mien.core.errors import InputError, OptionError
from mien.core.machine import processor
from tests.bench.parts import crops


class Clock:
    """Time that passes only where a model takes some."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[tuple[str, int]] = []

    def model(self, name: str, seconds: float) -> Callable[[np.ndarray], None]:
        """A model that takes `seconds` for each picture."""

        def predict(pictures: np.ndarray) -> None:
            self.calls.append((name, len(pictures)))
            self.now += seconds * len(pictures)

        return predict


@pytest.fixture
def time_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Clock:
    own = Clock()
    monkeypatch.setattr(clock.time, "perf_counter", lambda: own.now)
    return own


def test_models_are_timed_in_turns(time_of_its_own: Clock) -> None:
    models = [time_of_its_own.model("slow", 2e-3), time_of_its_own.model("quick", 1e-4)]
    slow, quick = measure(models, crops(3), runs=20, seconds=60)
    assert (slow.latency_ms, slow.faces_per_s) == (pytest.approx(2), pytest.approx(500))
    assert (quick.latency_ms, quick.faces_per_s) == (pytest.approx(0.1), pytest.approx(10_000))
    assert slow.latency_spread == (pytest.approx(2), pytest.approx(2))
    assert (slow.runs, quick.runs, slow.batches) == (20, 20, 8)
    names = [name for name, size in time_of_its_own.calls if size == 1]
    assert names.count("slow") == 20 + 4  # an untimed run before each turn of five
    assert sum(a != b for a, b in itertools.pairwise(names)) >= 4  # not one block after the other


def test_a_slow_model_makes_fewer_runs(time_of_its_own: Clock) -> None:
    slow, quick = measure([time_of_its_own.model("slow", 0.1), time_of_its_own.model("quick", 1e-6)], crops(1), runs=100, seconds=0.2)
    assert (slow.runs, slow.batches) == (5, 1)
    assert (quick.runs, quick.batches) == (100, 8)


@pytest.mark.slow
def test_the_machine_is_left_as_it_was() -> None:
    threads, seen = cv2.getNumThreads(), []
    measure([lambda pictures: seen.append((gc.isenabled(), cv2.getNumThreads()))], crops(1), runs=1, threads=1)
    assert set(seen) == {(False, 1)}
    assert (gc.isenabled(), cv2.getNumThreads()) == (True, threads)
    with pytest.raises(ZeroDivisionError):
        measure([lambda pictures: 1 / 0], crops(1), runs=1)
    assert gc.isenabled()


def test_progress_ends_at_the_end() -> None:
    shares: list[tuple[int, int]] = []
    measure([len], crops(1), runs=10, progress=lambda done, total: shares.append((done, total)))
    assert shares == sorted(shares)
    assert shares[-1] == (100, 100)


def test_what_cannot_be_timed() -> None:
    with pytest.raises(OptionError, match="runs ≥ 1"):
        measure([len], crops(1), runs=0)
    with pytest.raises(InputError, match="one crop or more"):
        measure([len], crops(0))


def test_the_machine_is_named() -> None:
    assert f"{cores()} cores, Python 3." in hardware()
    assert "ONNX Runtime" in hardware()
    assert load() is None or load() >= 0
    assert hardware().startswith(processor())
