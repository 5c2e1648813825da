"""The geometric framing: the eyes where the face model has them, whatever the picture; and what happens without them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mien.analysis.analyzer import Analyzer
from mien.artifact import save_artifact
from mien.core.errors import UnknownNameError
from mien.core.types import Face, Frame
from mien.faces.align import FER2013_LANDMARKS, GEOMETRIC_HEIGHT, GEOMETRIC_WIDTH, cut, framing_of
from mien.faces.centerface import CenterFace
from mien.faces.whole import Whole
from mien.preprocess import Preprocessing
from tests.analysis.parts import FixedDetector
from tests.faces.test_align import WHOLE, face_of, smooth, turned
from tests.test_artifact import CARD, probe

EYES = [25 + 50j, 75 + 50j]


def frontal(scale: float, angle_deg: float = 0.0, centre: tuple[float, float] = (200.0, 200.0)) -> NDArray[np.float32]:
    return turned(FER2013_LANDMARKS - 0.5, angle_deg, scale, centre)


def places(landmarks: NDArray[np.float32], face: Face) -> list[complex]:
    """Where points of the picture lie in the geometric cut, as x + iy in its pixels."""
    frame = framing_of(face, WHOLE, "geometric")
    return list((landmarks[:, 0] + 1j * landmarks[:, 1] - frame.corner) / frame.side * GEOMETRIC_WIDTH)


@pytest.mark.parametrize("angle_deg", [-35.0, 0.0, 20.0, 170.0])
@pytest.mark.parametrize("scale", [20.0, 150.0, 3000.0])
def test_the_eyes_lie_where_the_face_model_has_them(angle_deg: float, scale: float) -> None:
    landmarks = frontal(scale, angle_deg, (77.0, 910.0))
    found = places(landmarks, face_of(landmarks))
    np.testing.assert_allclose(found[:2], EYES, atol=0.02)
    np.testing.assert_allclose(sum(found[3:]) / 2, 50 + 98.5j, atol=0.1)


@pytest.mark.parametrize(("angle_deg", "factor", "shift"), [(0.0, 1.0, (40, -30)), (25.0, 1.0, (0, 0)), (-15.0, 0.6, (-30, 25))])
def test_the_same_face_elsewhere_gives_the_same_cut(angle_deg: float, factor: float, shift: tuple[int, int]) -> None:
    picture, landmarks = smooth(400, 400), frontal(150)
    expected = cut(picture, face_of(landmarks), WHOLE, "geometric").image
    matrix = cv2.getRotationMatrix2D((199.5, 199.5), -angle_deg, factor)
    matrix[:, 2] += shift
    moved = cv2.warpAffine(picture, matrix, (400, 400), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    there = turned(landmarks - 200, angle_deg, factor, (200.0 + shift[0], 200.0 + shift[1]))
    found = cut(moved, face_of(there), WHOLE, "geometric").image
    assert found.shape == expected.shape == (GEOMETRIC_HEIGHT, GEOMETRIC_WIDTH, 3)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - expected).mean() < 1.5


def test_the_pixels_are_those_of_the_rectangle() -> None:
    picture = smooth(300, 300)
    landmarks = frontal(50 / 0.388, centre=(150.0, 150.0))  # its eyes are 50 pixels apart, so that nothing is scaled
    left, top = landmarks[:2].mean(axis=0) - 50
    shift = np.array([[1, 0, -left], [0, 1, -top]], np.float32)
    expected = cv2.warpAffine(picture, shift, (100, 150), flags=cv2.INTER_LINEAR)
    assert np.abs(cut(picture, face_of(landmarks), WHOLE, "geometric").image.astype(int) - expected).max() <= 2


def test_a_large_face_is_averaged_not_sampled() -> None:
    board = np.repeat((np.indices((2000, 2000)).sum(0) % 2 * 255)[..., None], 3, axis=2).astype(np.uint8)
    crop = cut(board, face_of(frontal(1200, 7.0, (1000.0, 1000.0))), WHOLE, "geometric").image
    assert np.abs(crop.astype(int) - 127).max() < 30


def test_an_open_mouth_does_not_move_the_frame() -> None:
    closed = frontal(150)
    opened = closed + np.array([[0, 0], [0, 0], [0, 0], [0, 9], [0, 9]], np.float32)
    assert framing_of(face_of(closed), WHOLE, "geometric") == framing_of(Face(face_of(closed).box_xyxy, 0.9, opened), WHOLE, "geometric")


def test_a_head_turned_aside_is_not_cut_closer_and_closer() -> None:
    """The eyes come together by the cosine of the turn; the frame stays within a quarter until the box takes over."""
    widths = []
    for turn_deg in (0, 20, 40, 55):
        landmarks = ((frontal(150) - 200) * [np.cos(np.deg2rad(turn_deg)), 1] + 200).astype(np.float32)
        widths.append(abs(framing_of(Face(face_of(frontal(150)).box_xyxy, 0.9, landmarks), WHOLE, "geometric").side))
    assert widths[0] > widths[1] > widths[2]
    assert widths[3] == pytest.approx(widths[2], rel=0.1)
    assert min(widths) / widths[0] > 0.75


def test_a_profile_is_cut_by_its_box() -> None:
    landmarks = ((frontal(150) - 200) * [0.3, 1] + 200).astype(np.float32)
    face = Face((130.0, 120.0, 270.0, 280.0), 0.9, landmarks)
    assert framing_of(face, WHOLE, "geometric") == framing_of(replace(face, landmarks=None), WHOLE, "geometric")


@pytest.mark.parametrize(
    "landmarks",
    [
        np.full((5, 2), 50.0),
        np.array([[50, 50], [50.1, 50], [50, 50.1], [50, 50], [50, 50]]),
        np.array([[-900, 10], [900, 20], [0, 500], [-700, 900], [800, 900]]),
        np.full((5, 2), np.nan),
        np.array([[0, 0], [1e20, 0], [0, 1e20], [1e20, 1e20], [5, 5]]),
        FER2013_LANDMARKS[[3, 4, 2, 0, 1]] * 40.0,
        FER2013_LANDMARKS[[1, 0, 2, 3, 4]] * 40.0,
    ],
    ids=["one spot", "nearly one spot", "too large", "nan", "overflow", "mouth over eyes", "eyes swapped"],
)
def test_landmarks_that_are_no_faces_leave_it_to_the_box(landmarks: NDArray[np.float64]) -> None:
    image, box = smooth(100, 100), (20.0, 20.0, 80.0, 80.0)
    lying = cut(image, Face(box, 0.5, landmarks.astype(np.float32)), WHOLE, "geometric").image
    assert np.array_equal(lying, cut(image, Face(box, 0.5), WHOLE, "geometric").image)


def test_the_box_alone_gives_what_average_landmarks_give() -> None:
    picture = smooth(96, 96)
    [face] = Whole().detect(picture)
    led = framing_of(replace(face, landmarks=FER2013_LANDMARKS * 96), WHOLE, "geometric")
    alone = framing_of(face, WHOLE, "geometric")
    assert abs(led.corner - alone.corner) + abs(led.side - alone.side) < 0.01
    assert alone.side.imag == 0


def test_a_real_face_by_its_box_and_by_its_eyes(portrait: NDArray[np.uint8]) -> None:
    detector = CenterFace()
    [face] = detector.detect(portrait)
    led, alone = (framing_of(one, detector.box_framing, "geometric") for one in (face, replace(face, landmarks=None)))
    assert abs(alone.side / led.side) == pytest.approx(1, abs=0.15)
    assert abs(alone.corner + alone.side * (0.5 + 0.75j) - led.corner - led.side * (0.5 + 0.75j)) < 0.15 * abs(led.side)
    crop = cut(portrait, face, detector.box_framing, "geometric").image
    [again] = detector.detect(cv2.copyMakeBorder(crop, *[25] * 4, cv2.BORDER_REPLICATE))
    assert again.landmarks is not None
    np.testing.assert_allclose(again.landmarks[:2] - 25, [[25, 50], [75, 50]], atol=5)


@pytest.mark.parametrize("box", [(-40.0, -40.0, 60.0, 60.0), (-500.0, -500.0, -400.0, -400.0), (5.0, 5.0, 6.0, 6.5)])
def test_any_box_has_a_cut(box: tuple[float, float, float, float]) -> None:
    assert cut(smooth(100, 100), Face(box, 0.5), WHOLE, "geometric").image.shape == (150, 100, 3)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 200, 3), (200, 1, 3)])
def test_flat_pictures_have_a_cut_too(shape: tuple[int, int, int]) -> None:
    picture = np.full(shape, 9, np.uint8)
    [face] = Whole().detect(picture)
    assert (cut(picture, face, WHOLE, "geometric").image == 9).all()


def test_a_framing_that_does_not_exist() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown framing 'geometry'\. Did you mean geometric"):
        cut(smooth(20, 20), Face((5.0, 5.0, 15.0, 15.0), 0.5), WHOLE, "geometry")


def test_an_analyzer_frames_faces_as_the_card_says(tmp_path: Path) -> None:
    picture, landmarks = smooth(300, 300), frontal(120, 10.0, (150.0, 150.0))
    detector = FixedDetector(face_of(landmarks).box_xyxy, landmarks=landmarks)
    for framing in ("fer2013", "geometric"):
        card = replace(CARD, preprocessing=Preprocessing(4, framing=framing))
        save_artifact(probe(), card, tmp_path / f"{framing}.onnx")
        analyzer = Analyzer(tmp_path / f"{framing}.onnx", detector, threads=1)
        [found] = analyzer.analyze_frame(Frame(picture)).faces
        [face] = detector.detect(picture)
        expected = analyzer.model.predict([cut(picture, face, detector.box_framing, framing).image])
        np.testing.assert_array_equal(found.prediction.scores, expected[0])
