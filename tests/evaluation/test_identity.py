from __future__ import annotations

import numpy as np
import pytest

from mien.core.errors import InputError
from mien.evaluation.identity import Boxes, Identity, identity

PLACES = {1: (0, 0, 10, 10), 2: (20, 0, 30, 10)}


def boxes(*rows: tuple[int, int, int]) -> Boxes:
    """Rows of frame, who and place."""
    frames, who, where = (np.array([row[i] for row in rows], int) for i in range(3))
    return Boxes(frames, who, np.array([PLACES[place] for place in where], float).reshape(-1, 4))


TRUTH = boxes(*[(k, who, who) for k in range(10) for who in (1, 2)])


def test_tracks_that_stay_are_perfect_under_any_number() -> None:
    found = identity(TRUTH, boxes(*[(k, {1: 7, 2: 3}[who], who) for k in range(10) for who in (1, 2)]))
    assert found == Identity(20, 0, 0)
    assert found.idf1 == 1


def test_an_exchange_costs_what_comes_after_it_or_before() -> None:
    """Two people whose tracks change places after six of ten frames: six frames of each are right."""
    found = identity(TRUTH, boxes(*[(k, who if k < 6 else 3 - who, who) for k in range(10) for who in (1, 2)]))
    assert found == Identity(12, 8, 8)
    assert found.idf1 == pytest.approx(0.6)


def test_a_track_that_breaks_counts_with_its_longer_part() -> None:
    found = identity(TRUTH, boxes(*[(k, 1 if k < 7 else 9, 1) for k in range(10)]))
    assert found == Identity(7, 13, 3)
    assert found.idf1 == pytest.approx(14 / 30)


def test_boxes_agree_from_an_overlap_on() -> None:
    moved = Boxes(np.arange(10), np.ones(10, int), np.tile([0.0, 0.0, 10.0, 16.0], (10, 1)))
    truth = boxes(*[(k, 1, 1) for k in range(10)])
    assert identity(truth, moved).true == 10
    assert identity(truth, moved, least_overlap=0.7).true == 0


def test_nothing_against_nothing_is_perfect() -> None:
    assert identity(boxes(), boxes()).idf1 == 1
    assert identity(TRUTH, boxes()) == Identity(0, 20, 0)
    with pytest.raises(InputError, match="Boxes have frames"):
        Boxes(np.zeros(2, int), np.zeros(2, int), np.zeros((3, 4)))
