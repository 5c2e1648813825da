from __future__ import annotations

import numpy as np
import pytest

from mien.core.errors import OptionError
from mien.core.labels import VALENCE3
from mien.dynamics.segments import Segment, segments
from mien.dynamics.series import Series
from tests.dynamics.test_series import series


def told(found: list[Segment]) -> list[tuple[str, float, float]]:
    return [(one.label, one.onset_s, one.offset_s) for one in found]


def test_a_segment_begins_half_way_between_two_rows() -> None:
    found = segments(series([0, 1, 2, 3, 4], [1, 1, 2, 2, 0]))
    assert told(found) == [("neutral", 0, 1.5), ("positive", 1.5, 3.5), ("negative", 3.5, 4)]
    assert [one.rows for one in found] == [2, 2, 1]
    assert [one.duration_s for one in found] == [1.5, 2, 0.5]


def test_the_apex_is_where_the_score_is_highest_or_in_the_middle_of_a_plateau() -> None:
    positive = np.array([0.4, 0.6, 0.9, 0.7, 0.5])
    one = segments(Series(np.arange(5) / 2, np.stack([(1 - positive) / 2, (1 - positive) / 2, positive], 1), VALENCE3))
    assert [(found.apex_s, found.intensity) for found in one] == [(1.0, 0.9)]
    assert one[0].mean_score == pytest.approx((0.25 * 0.4 + 0.5 * (0.6 + 0.9 + 0.7) + 0.25 * 0.5) / 2)
    (flat,) = segments(series([0, 1, 2, 3], [2] * 4))
    assert flat.apex_s == 1.5
    positive = np.array([0.9, 0.9, 0.5, 0.9])
    (twice,) = segments(Series(np.arange(4.0) / 4, np.stack([(1 - positive) / 2, (1 - positive) / 2, positive], 1), VALENCE3))
    assert twice.apex_s == 0.125


def test_what_is_short_goes_to_its_longer_neighbour() -> None:
    values = series([k / 10 for k in range(10)], [1, 1, 1, 1, 2, 0, 0, 0, 1, 1])
    assert told(segments(values, 0.05)) == told(segments(values))
    assert [one.label for one in segments(values, 0.12)] == ["neutral", "negative", "neutral"]
    assert [one.label for one in segments(values, 0.4)] == ["neutral", "negative"]
    assert [one.label for one in segments(values, 0.6)] == ["negative"]  # which by then is the longer one
    assert [one.label for one in segments(series([0.0], [2]), 1.0)] == ["positive"]


def test_a_gap_belongs_to_nobody() -> None:
    found = segments(series([0, 1, 7, 8], [1, 1, 1, 1]), 100.0)
    assert told(found) == [("neutral", 0, 1), ("neutral", 7, 8)]


def test_nothing_has_no_segments_and_times_below_zero_are_told() -> None:
    assert segments(series([], [])) == []
    with pytest.raises(OptionError, match="least_s is 0 seconds or more; received -1"):
        segments(series([0], [0]), -1)
