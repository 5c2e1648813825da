"""Faces that are followed between detections, on pictures whose movement is known."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mien.core.errors import OptionError
from mien.core.types import RGB, Face, Frame
from mien.faces import make_detector
from mien.faces.follow import Follower


@dataclass
class Known:
    """A detector that knows the face of the portrait and counts how often it was asked."""

    faces: list[Face]
    asked: list[int] = field(default_factory=list)

    def __call__(self, frame: Frame) -> list[Face]:
        self.asked.append(frame.index)
        return self.faces


@pytest.fixture(scope="module")
def seen(portrait: RGB) -> Face:
    (face,) = make_detector("centerface").detect(portrait)
    return face


def moved(portrait: RGB, dx: float, dy: float, scale: float = 1.0, degrees: float = 0.0) -> tuple[RGB, NDArray[np.float64]]:
    """The portrait shifted, scaled and turned about its middle, and the map (2, 3) that did it."""
    matrix = cv2.getRotationMatrix2D((256, 256), degrees, scale)
    matrix[:, 2] += (dx, dy)
    return np.asarray(cv2.warpAffine(portrait, matrix, (512, 512), borderMode=cv2.BORDER_REFLECT), np.uint8), matrix


def apart(face: Face, expected: NDArray[np.float64]) -> float:
    assert face.landmarks is not None
    return float(np.linalg.norm(face.landmarks - expected, axis=1).max())


@pytest.mark.parametrize(("dx", "dy", "scale", "degrees"), [(6, -4, 1, 0), (20, 10, 1, 0), (0, 0, 1.04, 0), (3, 2, 0.97, 4)])
def test_a_face_is_where_the_picture_went(portrait: RGB, seen: Face, dx: float, dy: float, scale: float, degrees: float) -> None:
    known, follower = Known([seen]), Follower(3)
    follower.find(Frame(portrait, 0, 0.0), known)
    image, matrix = moved(portrait, dx, dy, scale, degrees)
    (face,) = follower.find(Frame(image, 1, 0.04), known)
    assert known.asked == [0]
    assert apart(face, seen.landmarks @ matrix[:, :2].T + matrix[:, 2]) < 1.0  # type: ignore[operator]
    assert face.size == pytest.approx(seen.size * scale, rel=0.01)
    assert face.score == seen.score


def test_a_detection_comes_every_so_often_and_errors_stay_small(portrait: RGB, seen: Face) -> None:
    known, follower = Known([seen]), Follower(4)
    for k in range(12):
        image, matrix = moved(portrait, 5 * (k % 4), -3 * (k % 4))
        (face,) = follower.find(Frame(image, k, k / 25), known)
        assert apart(face, seen.landmarks @ matrix[:, :2].T + matrix[:, 2]) < 1.5  # type: ignore[operator]
    assert known.asked == [0, 4, 8]


def test_who_is_lost_is_looked_for_at_once(portrait: RGB, seen: Face) -> None:
    known, follower = Known([seen]), Follower(10)
    follower.find(Frame(portrait, 0, 0.0), known)
    known.faces = []
    assert follower.find(Frame(np.full_like(portrait, 90), 1, 0.04), known) == []
    assert known.asked == [0, 1]
    follower.find(Frame(np.full_like(portrait, 90), 2, 0.08), known)
    assert known.asked == [0, 1]  # nobody there is nobody lost


def test_a_picture_of_another_size_is_looked_at_anew(portrait: RGB, seen: Face) -> None:
    known, follower = Known([seen]), Follower(5)
    follower.find(Frame(portrait, 0, 0.0), known)
    follower.find(Frame(portrait[:400], 1, 0.04), known)
    assert known.asked == [0, 1]


def test_faces_at_the_border_and_of_a_pixel_do_no_harm(portrait: RGB) -> None:
    boxes = [(-60.0, -60.0, 40.0, 40.0), (500.0, 500.0, 600.0, 600.0), (600.0, 600.0, 700.0, 700.0), (10.0, 10.0, 11.0, 11.0)]
    for box in boxes:
        known, follower = Known([Face(box, 0.9)]), Follower(3)
        for k in range(3):
            follower.find(Frame(portrait, k, k / 25), known)
        assert known.asked[0] == 0


def test_every_frame_is_every_first(portrait: RGB, seen: Face) -> None:
    known, follower = Known([seen]), Follower(1)
    for k in range(3):
        follower.find(Frame(portrait, k, k / 25), known)
    assert known.asked == [0, 1, 2]
    with pytest.raises(OptionError, match="detect_every is 1 or more; received 0"):
        Follower(0)


def test_a_face_that_something_slides_over_is_not_carried_along(portrait: RGB, seen: Face) -> None:
    known, follower = Known([seen]), Follower(10)
    rng = np.random.default_rng(0)
    board = cv2.GaussianBlur(rng.integers(0, 256, (512, 160, 3), dtype=np.uint8), (0, 0), 2)
    for k in range(8):
        image = portrait.copy()
        image[:, 40 * k : 40 * k + 160] = board[:, : max(0, 512 - 40 * k)]
        if k == 4:
            known.faces = []
        follower.find(Frame(image, k, k / 25), known)
    assert len(known.asked) > 1  # it was looked for again while the board came
    assert follower.find(Frame(portrait, 8, 8 / 25), known) == []
