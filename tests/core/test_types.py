"""Values are checked when they are made."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.errors import InputError, LabelError
from mien.core.labels import FER7, VALENCE3
from mien.core.types import Face, Frame, Prediction


def test_frame() -> None:
    frame = Frame(np.zeros((3, 5, 3), np.uint8))
    assert (frame.width, frame.height, frame.index, frame.time_s) == (5, 3, 0, None)


@pytest.mark.parametrize(("shape", "dtype"), [((3, 5), np.uint8), ((3, 5, 4), np.uint8), ((3, 5, 3), np.float32), ((0, 5, 3), np.uint8)])
def test_what_is_no_frame(shape: tuple[int, ...], dtype: type) -> None:
    with pytest.raises(InputError, match=r"received .* of shape .*as_rgb"):
        Frame(np.zeros(shape, dtype))


def test_face() -> None:
    assert Face((1, 2, 11, 6), 0.9).size == 10


@pytest.mark.parametrize("box", [(0, 0, 0, 5), (5, 0, 0, 5), (0, 0, np.nan, 5), (0, 0, np.inf, 5)])
def test_what_is_no_box(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(InputError, match="left < right and top < bottom"):
        Face(box, 0.9)


def test_what_are_no_landmarks() -> None:
    with pytest.raises(InputError, match=r"shape \(5, 2\); received \(4, 2\)"):
        Face((0, 0, 1, 1), 0.9, np.zeros((4, 2), np.float32))


def test_prediction() -> None:
    prediction = Prediction(np.array([0.2, 0.7, 0.1], np.float32), VALENCE3)
    assert prediction.label == "neutral"
    assert prediction.confidence == pytest.approx(0.7)


def test_scores_that_do_not_fit() -> None:
    with pytest.raises(LabelError, match=r"7 labels \(fer7\) need 7 scores; received shape \(3,\)"):
        Prediction(np.full(3, 1 / 3, np.float32), FER7)


@pytest.mark.parametrize("scores", [[0.2, 0.2, 0.2], [np.nan, 0.5, 0.5], [np.inf, 0, 0]])
def test_scores_that_are_none(scores: list[float]) -> None:
    with pytest.raises(LabelError, match="finite and sum to 1"):
        Prediction(np.array(scores, np.float32), VALENCE3)
