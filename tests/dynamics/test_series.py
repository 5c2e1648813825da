from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mien.core.errors import InputError
from mien.core.labels import CKPLUS7, FER8, VALENCE3, label_set
from mien.dynamics.series import Series


def series(times: list[float], shown: list[int], labels: str = "valence3", top: float = 0.8) -> Series:
    """One label leads in each row, with a score of `top`; the others share the rest."""
    names = label_set(labels)
    scores = np.full((len(shown), len(names)), (1 - top) / (len(names) - 1))
    scores[np.arange(len(shown)), shown] = top
    return Series(np.array(times, float), scores, names)


def test_valence_is_positive_less_negative() -> None:
    scores = np.array([[0.1, 0.5, 0.1, 0.05, 0.05, 0.1, 0.0, 0.1], [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
    assert Series(np.arange(2.0), scores, FER8).valence == pytest.approx([0.3, 0.0])
    assert Series(np.arange(1.0), np.array([[0.2, 0.1, 0.7]]), VALENCE3).valence == pytest.approx([0.5])
    seven = np.eye(7)[[CKPLUS7.index(name) for name in ("happiness", "sadness", "contempt")]]
    assert Series(np.arange(3.0), seven, CKPLUS7).valence.tolist() == [1, -1, 0]
    for names in (["open", "shut"], ["happiness", "other"]):  # neither, or one of the two
        assert np.isnan(Series(np.arange(1.0), np.array([[0.2, 0.8]]), label_set(names)).valence).all()


def test_stretches_end_at_gaps() -> None:
    found = [part.times_s.tolist() for part in series([0, 1, 2.5, 3, 9], [0] * 5).stretches()]
    assert found == [[0, 1], [2.5, 3], [9]]
    assert list(series([], []).stretches()) == []


def test_spans_are_half_way_to_the_neighbours_and_a_gap_counts_as_a_usual_step() -> None:
    assert series([0, 0.5, 1, 2], [0] * 4).spans_s.tolist() == [0.5, 0.5, 0.75, 1.0]
    assert series([0, 0.5, 1, 11, 11.5], [0] * 5).spans_s.tolist() == [0.5] * 5
    assert series([3], [0]).spans_s.tolist() == [0]


def test_a_single_row_of_a_longer_series_stands_for_a_step() -> None:
    whole = replace(series([0, 0.5, 1, 11, 11.5], [0] * 5), step_s=0.5)
    assert whole.between(0.9, 2).spans_s.tolist() == [0.5]
    assert [part.between(11.2, 12).spans_s.tolist() for part in whole.stretches()] == [[], [0.5]]


def test_frames_that_lie_far_apart_are_no_gaps() -> None:
    slow = replace(series([0, 2, 4, 10, 12], [0] * 5), step_s=2)
    assert [part.times_s.tolist() for part in slow.stretches()] == [[0, 2, 4], [10, 12]]
    assert slow.spans_s.tolist() == [2] * 5
    assert slow.between(3, 5).spans_s.tolist() == [2]


def test_rows_between_two_times() -> None:
    assert series([0, 1, 2, 3], [0] * 4).between(1, 3).times_s.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("times", "scores", "weights", "told"),
    [
        ([0, 1], (3, 3), None, "times .N,. and scores"),
        ([0, 1], (2, 2), None, "times .N,. and scores"),
        ([0, 0], (2, 3), None, "rise from row to row"),
        ([1, 0], (2, 3), None, "rise from row to row"),
        ([0, 1], (2, 3), [1.0], "weights of a series"),
        ([0, 1], (2, 3), [1.0, 0.0], "above 0"),
    ],
)
def test_what_is_no_series_is_told(times: list[float], scores: tuple[int, int], weights: list[float] | None, told: str) -> None:
    with pytest.raises(InputError, match=told):
        Series(np.array(times, float), np.full(scores, 1 / 3), VALENCE3, None if weights is None else np.array(weights))
