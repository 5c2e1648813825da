"""Which frames are taken."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mien.core.errors import OptionError
from mien.sources.sampling import Sampling


@dataclass(frozen=True)
class At:
    time_s: Fraction


def at(*times_s: float) -> list[At]:
    return [At(Fraction(t).limit_denominator(90_000)) for t in times_s]


def picked(frames: list[At], **options: Any) -> list[int]:
    return [frames.index(frame) for frame in Sampling(**options).pick(frames)]


THIRTY = at(*(i / 30 for i in range(31)))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, list(range(31))),
        ({"every": 7}, [0, 7, 14, 21, 28]),
        ({"fps": 10}, list(range(0, 31, 3))),
        ({"fps": 60}, list(range(31))),
        ({"fps": 1e9}, list(range(31))),
        ({"fps": 12}, [0, 3, 5, 8, 10, 13, 15, 18, 20, 23, 25, 28, 30]),
        ({"fps": 0.5}, [0]),
        ({"start_s": 0.5, "end_s": 0.6}, [15, 16, 17]),
        ({"start_s": 0.49, "every": 5}, [15, 20, 25, 30]),
        ({"start_s": 0.5, "fps": 10}, [15, 18, 21, 24, 27, 30]),
        ({"end_s": 0.1, "fps": 30}, [0, 1, 2]),
        ({"start_s": 0.95, "end_s": math.inf}, [29, 30]),
        ({"start_s": 2}, []),
    ],
)
def test_of_thirty_a_second(options: dict[str, float], expected: list[int]) -> None:
    assert picked(THIRTY, **options) == expected


@pytest.mark.parametrize("fps", [0.7, 3, 4, 10, 23.976, 29, 47])
def test_fps_takes_the_nearest_to_every_point_of_the_grid(fps: float) -> None:
    times_s = np.cumsum(np.random.default_rng(int(10 * fps)).exponential(1 / 25, 200))
    frames = at(*times_s)
    exact = [frame.time_s for frame in frames]
    grid = [k / Fraction(fps) for k in range(math.floor(exact[-1] * Fraction(fps)) + 1)]
    nearest = {min(range(len(exact)), key=lambda i: abs(exact[i] - point)) for point in grid}
    assert set(picked(frames, fps=fps)) - {len(frames) - 1} == nearest - {len(frames) - 1}


def test_a_frame_that_stays_long_is_taken_once() -> None:
    assert picked(at(0, 0.1, 5, 5.1), fps=10) == [0, 1, 2, 3]


@pytest.mark.parametrize("fps", [0.1, 1, 100])
def test_a_single_frame_is_taken(fps: float) -> None:
    assert picked(at(0), fps=fps) == [0]
    assert picked([], fps=fps) == []


def test_live_takes_the_first_from_each_point_on() -> None:
    frames = at(0, 0.03, 0.11, 0.12, 0.35, 0.36, 0.41)
    assert [frames.index(f) for f in Sampling(fps=10).pick_live(frames)] == [0, 2, 4, 6]
    assert [frames.index(f) for f in Sampling(every=3).pick_live(frames)] == [0, 3, 6]
    assert [frames.index(f) for f in Sampling(start_s=0.1, end_s=0.36).pick_live(frames)] == [2, 3, 4]


@pytest.mark.parametrize(
    "options", [{}, {"every": 4}, {"fps": 7}, {"start_s": 0.31, "end_s": 0.77}, {"start_s": 0.2, "fps": 5}, {"start_s": 9}]
)
def test_about_so_many_are_expected(options: dict[str, float]) -> None:
    assert Sampling(**options).expected(31, 31 / 30) == pytest.approx(len(picked(THIRTY, **options)), abs=1)
    assert Sampling(every=2).expected(31, None) == 16


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": 0}, "every is a whole number from 1 up; received 0"),
        ({"every": 2.5}, "every is a whole number"),
        ({"fps": 0}, "fps is a number of frames a second above 0; received 0"),
        ({"fps": -3}, "above 0"),
        ({"fps": math.nan}, "above 0"),
        ({"fps": math.inf}, "above 0"),
        ({"start_s": math.inf}, "0 ≤ start_s < end_s"),
        ({"every": 2, "fps": 5}, "Give every or fps, not both"),
        ({"start_s": -1}, "0 ≤ start_s < end_s; received start_s=-1"),
        ({"start_s": 2, "end_s": 2}, "0 ≤ start_s < end_s"),
        ({"end_s": 0}, "0 ≤ start_s < end_s"),
        ({"start_s": math.nan}, "0 ≤ start_s < end_s"),
    ],
)
def test_what_makes_no_sense(options: dict[str, float], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Sampling(**options)
