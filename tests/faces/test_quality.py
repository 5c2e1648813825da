"""Quality falls with size, sharpness and frontalness, each alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mien.core.types import RGB, Face
from mien.faces import make_detector
from mien.faces.align import cut
from mien.faces.quality import FULL_PX, LEAST, PROFILE, frontalness, quality, sharpness

FRONT = np.array([[30, 40], [70, 40], [50, 60], [35, 80], [65, 80]], np.float32)


@pytest.fixture(scope="module")
def crop(portrait: RGB) -> RGB:
    detector = make_detector("centerface")
    (face,) = detector.detect(portrait)
    return cut(portrait, face, detector.box_framing).image


def face(size: float = 100.0, marks: np.ndarray | None = FRONT) -> Face:
    return Face((0.0, 0.0, 0.8 * size, size), 0.9, marks)


def test_a_large_sharp_frontal_face_is_near_1(crop: RGB) -> None:
    assert 0.85 < quality(face(), crop) <= 1


def test_size_counts_up_to_what_models_see(crop: RGB) -> None:
    whole = quality(face(2 * FULL_PX), crop)
    assert quality(face(FULL_PX), crop) == whole
    assert quality(face(FULL_PX / 4), crop) == pytest.approx(whole / 4)


def test_blur_takes_it_down_and_the_size_of_the_crop_does_not(crop: RGB) -> None:
    side = len(crop) / 48
    levels = [sharpness(np.asarray(cv2.GaussianBlur(crop, (0, 0), pixels * side), np.uint8)) for pixels in (0.3, 0.8, 1.2, 2.0, 3.0)]
    assert levels == sorted(levels, reverse=True)
    assert 0.3 < levels[2] < 0.7
    assert levels[-1] < 0.2
    half = np.asarray(cv2.resize(crop, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
    assert sharpness(half) == pytest.approx(sharpness(crop), abs=0.06)


@pytest.mark.parametrize("factor", [0.5, 1.0])
def test_contrast_has_no_part_in_sharpness(crop: RGB, factor: float) -> None:
    assert sharpness((crop * factor).astype(np.uint8)) == pytest.approx(sharpness(crop), abs=0.02)


@pytest.mark.parametrize(("aside", "expected"), [(0, 1), (5, 0.75), (-5, 0.75), (10, 0.5), (20, 0), (40, 0)])
def test_a_nose_that_lies_aside_is_a_head_that_is_turned(aside: float, expected: float) -> None:
    marks = FRONT.copy()
    marks[2, 0] += aside
    assert PROFILE == 0.5
    assert frontalness(marks) == pytest.approx(expected)


def test_a_head_that_leans_is_frontal_still() -> None:
    turn = np.array([[0.8, -0.6], [0.6, 0.8]], np.float32)
    assert frontalness(FRONT @ turn.T) == pytest.approx(1, abs=1e-6)


def test_what_says_nothing() -> None:
    flat = np.full((48, 48, 3), 90, np.uint8)
    assert quality(face(), flat) == LEAST
    assert frontalness(None) == 1
    assert frontalness(np.zeros((5, 2), np.float32)) == 0
