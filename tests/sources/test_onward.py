"""Times that go on where a clock is set back."""

from __future__ import annotations

from fractions import Fraction

import pytest

from mien.sources.onward import Onward


@pytest.mark.parametrize(
    ("times", "told"),
    [
        ([0, 1, 2], [0, 1, 2]),
        ([0, 1, 0, 1, 0], [0, 1, 2, 3, 4]),
        ([5, 6, 0, 1], [5, 6, 7, 8]),
        ([0, 1, 9, 8.9, 9.1], [0, 1, 9, 8.9, 9.1]),
        ([1, 1, 0.5], [1, 1, 0.5]),
        ([3, -3, -2], [3, 4, 5]),
    ],
)
def test_going_on(times: list[float], told: list[float]) -> None:
    onward = Onward()
    assert [float(onward.of(Fraction(str(time_s)), Fraction(1))) for time_s in times] == told
