"""Cutting faces out: the framing, the border, the resolution, and what happens when landmarks lie."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mien.core.types import Face
from mien.faces.align import FER2013_LANDMARKS, MAX_SIDE, cut
from mien.faces.centerface import CenterFace
from mien.faces.whole import Whole

WHOLE = Whole.box_framing


def smooth(height: int, width: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(0)
    return cv2.resize(rng.integers(0, 256, (8, 8, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)


def turned(points: NDArray[np.float32], angle_deg: float, scale: float, shift: tuple[float, float]) -> NDArray[np.float32]:
    angle = np.deg2rad(angle_deg)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points @ matrix.T + shift).astype(np.float32)


def face_of(landmarks: NDArray[np.float32]) -> Face:
    low, high = landmarks.min(0), landmarks.max(0)
    centre, side = (low + high) / 2, 2.2 * float((high - low).max())
    return Face((*(centre - side / 2).tolist(), *(centre + side / 2).tolist()), 0.9, landmarks)


def test_a_picture_framed_as_fer2013_is_cut_as_it_is() -> None:
    image = smooth(96, 96)
    crop = cut(image, face_of(FER2013_LANDMARKS * 96), WHOLE)
    assert crop.image.shape == (96, 96, 3)
    assert crop.image.dtype == np.uint8
    assert np.abs(crop.image.astype(int) - image).max() <= 1


@pytest.mark.parametrize("side", [8, 48, 100, 224])
def test_the_whole_picture_is_its_own_crop(side: int) -> None:
    image = smooth(side, side)
    [face] = Whole().detect(image)
    assert np.array_equal(cut(image, face, WHOLE).image, image)


@pytest.mark.parametrize(("height", "width"), [(60, 100), (100, 60)])
def test_a_picture_that_is_not_square_is_padded_not_stretched(height: int, width: int) -> None:
    image = smooth(height, width)
    [face] = Whole().detect(image)
    crop = cut(image, face, WHOLE).image
    dy, dx = (100 - height) // 2, (100 - width) // 2
    assert crop.shape == (100, 100, 3)
    assert np.array_equal(crop[dy : dy + height, dx : dx + width], image)
    assert np.array_equal(crop[0, dx], image[0, 0])
    assert np.array_equal(crop[-1, -1 - dx], image[-1, -1])


@pytest.mark.parametrize("angle_deg", [-35.0, 0.0, 20.0, 170.0])
@pytest.mark.parametrize("scale", [60.0, 150.0])
def test_a_turned_face_is_cut_upright(angle_deg: float, scale: float) -> None:
    upright = smooth(400, 400)
    landmarks = (FER2013_LANDMARKS - 0.5) * scale + 200
    expected = cut(upright, face_of(landmarks), WHOLE).image
    matrix = cv2.getRotationMatrix2D((199.5, 199.5), -angle_deg, 1.0)
    picture = cv2.warpAffine(upright, matrix, (400, 400), flags=cv2.INTER_CUBIC)
    found = cut(picture, face_of(turned(landmarks - 200, angle_deg, 1.0, (200, 200))), WHOLE).image
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 1.5


def test_a_mirrored_picture_gives_the_mirrored_crop(portrait: NDArray[np.uint8]) -> None:
    [face] = CenterFace().detect(portrait)
    assert face.landmarks is not None
    x1, y1, x2, y2 = face.box_xyxy
    swapped = (face.landmarks[[1, 0, 2, 4, 3]] * [-1, 1] + [512, 0]).astype(np.float32)
    mirrored = Face((512 - x2, y1, 512 - x1, y2), face.score, swapped)
    crop, back = cut(portrait, face, WHOLE).image, cut(np.ascontiguousarray(portrait[:, ::-1]), mirrored, WHOLE).image[:, ::-1]
    assert np.abs(crop.astype(int) - back).max() <= 3


def test_landmarks_of_the_crop_lie_where_fer2013_has_them(portrait: NDArray[np.uint8]) -> None:
    detector = CenterFace()
    [face] = detector.detect(portrait)
    crop = cut(portrait, face, detector.box_framing).image
    [again] = detector.detect(crop)
    assert again.landmarks is not None
    assert np.abs(again.landmarks / crop.shape[0] - FER2013_LANDMARKS).max() < 0.08


@pytest.mark.parametrize(
    "landmarks",
    [
        np.full((5, 2), 50.0),
        np.array([[50, 50], [50.1, 50], [50, 50.1], [50, 50], [50, 50]]),
        np.array([[-900, 10], [900, 20], [0, 500], [-700, 900], [800, 900]]),
        np.full((5, 2), np.nan),
        np.array([[0, 0], [1e20, 0], [0, 1e20], [1e20, 1e20], [5, 5]]),
        FER2013_LANDMARKS[[3, 4, 2, 0, 1]] * 40.0,
    ],
    ids=["one spot", "nearly one spot", "too large", "nan", "overflow", "mouth over eyes"],
)
def test_landmarks_that_are_no_faces_leave_it_to_the_box(landmarks: NDArray[np.float64]) -> None:
    image, box = smooth(100, 100), (20.0, 20.0, 80.0, 80.0)
    lying = cut(image, Face(box, 0.5, landmarks.astype(np.float32)), WHOLE).image
    assert np.array_equal(lying, cut(image, Face(box, 0.5), WHOLE).image)


@pytest.mark.parametrize(
    "box",
    [(-40.0, -40.0, 60.0, 60.0), (60.0, 60.0, 160.0, 160.0), (-500.0, -500.0, -400.0, -400.0), (-100.0, -100.0, 200.0, 200.0)],
)
def test_beyond_the_border_the_outermost_pixels_are_repeated(box: tuple[float, float, float, float]) -> None:
    image = smooth(100, 100)
    crop = cut(image, Face(box, 0.5), WHOLE).image
    x = np.clip(np.arange(int(box[0]), int(box[2])), 0, 99)
    y = np.clip(np.arange(int(box[1]), int(box[3])), 0, 99)
    expected = cv2.resize(image[y][:, x], crop.shape[:2], interpolation=cv2.INTER_AREA)
    assert crop.shape[0] == min(len(x), MAX_SIDE)
    assert np.abs(crop.astype(int) - expected).mean() < 2.5


def test_a_large_face_is_averaged_not_sampled() -> None:
    """A fine checkerboard is gray from afar; picking single pixels of it would keep black and white."""
    board = np.indices((2000, 2000)).sum(0) % 2 * 255
    image = np.repeat(board[..., None], 3, axis=2).astype(np.uint8)
    crop = cut(image, face_of(turned(FER2013_LANDMARKS - 0.5, 7.0, 1500.0, (1000, 1000))), WHOLE).image
    assert crop.shape == (MAX_SIDE, MAX_SIDE, 3)
    assert np.abs(crop.astype(int) - 127).max() < 30


def test_a_large_face_lies_where_a_small_copy_has_it() -> None:
    small = smooth(300, 400)
    large = cv2.resize(small, (2400, 1800), interpolation=cv2.INTER_CUBIC)
    landmarks = turned(FER2013_LANDMARKS - 0.5, 12.0, 224.0, (210, 140))
    expected = cut(small, face_of(landmarks), WHOLE).image
    found = cut(large, face_of(landmarks * 6), WHOLE).image
    assert np.abs(found.astype(int) - expected).mean() < 1.0


def test_a_tiny_face_has_a_crop_too() -> None:
    assert cut(smooth(20, 20), Face((5.0, 5.0, 6.0, 6.5), 0.5), (0.1, 0.0, 0.9, 1.0)).image.shape == (8, 8, 3)
