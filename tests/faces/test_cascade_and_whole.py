"""The two detectors without landmarks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.faces.cascade import Cascade
from mien.faces.whole import Whole


def test_the_cascade_finds_the_portrait_and_none_twice(portrait: NDArray[np.uint8]) -> None:
    [face] = Cascade().detect(portrait)
    x1, y1, x2, y2 = face.box_xyxy
    assert 170 < x1 < 220 < x2 < 290
    assert 60 < y1 < 110 < y2 < 200
    assert face.landmarks is None


def test_the_cascade_finds_small_faces_in_a_large_picture_when_asked(portrait: NDArray[np.uint8]) -> None:
    large = np.full((1200, 1600, 3), 128, np.uint8)
    large[200:712, 300:812] = portrait
    assert Cascade(min_face=0.3).detect(large) == []
    [face] = Cascade(min_face=0.06).detect(large)
    assert 300 < face.box_xyxy[0] < 812
    assert face.size < 160


def test_whole_takes_any_picture_as_one_face() -> None:
    [face] = Whole().detect(np.zeros((3, 7, 3), np.uint8))
    assert face.box_xyxy == (0.0, 0.0, 7.0, 3.0)
    assert face.score == 1.0
    assert face.landmarks is None


def test_whole_enlarged_is_whole(portrait: NDArray[np.uint8]) -> None:
    [face] = Whole().detect(cv2.resize(portrait, (900, 700)))
    assert face.size == 900
