"""The golden test: known pixels through the whole way against numbers worked out by hand.

The way is file, decoding, detector, crop, preprocessing, graph, temperature, labels, table. The test fails when label order, colour order,
value range or orientation is permuted anywhere on it, and proves that it would by doing each of these on purpose.

The model is a tiny graph whose logit of each label is the value of one colour channel at one place of the picture, divided by 32.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from mien.analysis.analyzer import Analyzer, analyze
from mien.artifact import save_artifact
from mien.card import Card, Head
from mien.core.calibration import Calibration, softmax
from mien.core.labels import FER8, LabelSet
from mien.core.types import RGB
from mien.preprocess import Preprocessing

SIDE, CELL, TEMPERATURE = 8, 24, 2.0

# Four quadrants of plain colour; every channel of every quadrant has a value of its own.
TOP_LEFT, TOP_RIGHT, BOTTOM_LEFT, BOTTOM_RIGHT = (0, 96, 224), (32, 128, 240), (64, 160, 208), (192, 16, 48)
# Which (channel, row, column) of the 8×8 input each label of fer8 looks at, in the middle of a quadrant.
LOOKS_AT = ((0, 2, 2), (0, 2, 5), (0, 5, 2), (1, 2, 2), (1, 2, 5), (1, 5, 2), (0, 5, 5), (2, 2, 2))
# So the logits are the values 0 32 64 96 128 160 192 224 over 32, i.e. 0…7; at temperature 2 the scores are exp(k/2) / Σ exp(j/2).
GOLDEN = {
    "neutral": 0.0121034,
    "happiness": 0.0199552,
    "surprise": 0.0329005,
    "sadness": 0.0542438,
    "anger": 0.0894329,
    "disgust": 0.1474499,
    "fear": 0.2431038,
    "contempt": 0.4008104,
}
THEIRS = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "sad": "sadness",
    "surprise": "surprise",
    "neutral": "neutral",
}
# Luma of ITU-R BT.601, 0.299 R + 0.587 G + 0.114 B, of the four quadrants, worked out by hand and rounded.
GRAY = (82, 112, 137, 72)


def golden_picture() -> RGB:
    top = np.concatenate([np.full((4 * CELL, 4 * CELL, 3), c, np.uint8) for c in (TOP_LEFT, TOP_RIGHT)], axis=1)
    bottom = np.concatenate([np.full((4 * CELL, 4 * CELL, 3), c, np.uint8) for c in (BOTTOM_LEFT, BOTTOM_RIGHT)], axis=1)
    return np.concatenate([top, bottom])


def probe(path: Path, labels: LabelSet, looks_at: tuple[tuple[int, int, int], ...], channels: int = 3) -> Path:
    """Write an artifact whose logits are input values / 32 at the given places."""
    weights = np.zeros((channels, SIDE, SIDE, len(labels)), np.float32)
    for label, place in enumerate(looks_at):
        weights[(*place, label)] = 1 / 32
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["input"], ["flat"]), helper.make_node("MatMul", ["flat", "weights"], ["logits"])],
        "probe",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", channels, SIDE, SIDE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(labels)])],
        [numpy_helper.from_array(weights.reshape(-1, len(labels)), "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(model)
    head = Head("logits", labels, Calibration(TEMPERATURE))
    save_artifact(model, Card("probe", "1", (head,), Preprocessing(SIDE, channels), "none", "none"), path)
    return path


@pytest.fixture
def model_path(tmp_path: Path) -> Path:
    return probe(tmp_path / "probe.onnx", FER8, LOOKS_AT)


@pytest.fixture
def picture_path(tmp_path: Path) -> Path:
    path = tmp_path / "golden.png"
    Image.fromarray(golden_picture()).save(path)
    return path


def distance(scores: dict[str, float], golden: dict[str, float] = GOLDEN) -> float:
    """The largest difference of any label's score from the golden one."""
    assert scores.keys() == golden.keys()
    return max(abs(scores[name] - golden[name]) for name in golden)


def scores_of(inputs: object, model: Path, *, bgr: bool = False) -> dict[str, float]:
    [[entry]] = [frame["faces"] for frame in analyze(inputs, model=model, detector="whole", bgr=bgr).to_dict()["sources"][0]["frames"]]
    return entry["scores"]


def test_the_golden_numbers_are_what_the_docstring_says() -> None:
    total = sum(math.exp(k / 2) for k in range(8))
    assert distance({name: math.exp(k / 2) / total for k, name in enumerate(FER8)}) < 1e-6


def test_file_to_score(picture_path: Path, model_path: Path) -> None:
    assert distance(scores_of(picture_path, model_path)) < 1e-5


@pytest.mark.parametrize("form", ["bytes", "array", "batch", "float", "bgr array", "alpha"])
def test_every_form_to_score(picture_path: Path, model_path: Path, form: str) -> None:
    rgb = golden_picture()
    forms: dict[str, object] = {
        "bytes": picture_path.read_bytes(),
        "array": rgb,
        "batch": rgb[None],
        "float": rgb.astype(np.float32) / 255,
        "bgr array": rgb[..., ::-1],
        "alpha": np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)]),
    }
    assert distance(scores_of(forms[form], model_path, bgr=form == "bgr array")) < 1e-5


def test_score_to_every_output(picture_path: Path, model_path: Path, tmp_path: Path) -> None:
    results = analyze(picture_path, model=model_path, detector="whole")
    face = results[0].faces[0].prediction
    assert (face.label, list(face.labels)) == ("contempt", list(GOLDEN))
    row = results.to_df().iloc[0]
    assert row["label"] == "contempt"
    assert distance({name: row[f"score_{name}"] for name in GOLDEN}) < 1e-5
    seven = {name: score / (1 - GOLDEN["contempt"]) for name, score in GOLDEN.items() if name != "contempt"}
    assert distance({THEIRS[k]: v for k, v in results.to_fer()[0]["emotions"].items()}, seven) < 1e-5
    assert distance({THEIRS[k]: v / 100 for k, v in results.to_deepface()[0]["emotion"].items()}, seven) < 1e-5


def test_gray_models_see_luma(picture_path: Path, tmp_path: Path) -> None:
    labels = LabelSet("custom", ("top left", "top right", "bottom left", "bottom right"))
    model = probe(tmp_path / "gray.onnx", labels, ((0, 2, 2), (0, 2, 5), (0, 5, 2), (0, 5, 5)), channels=1)
    powers = [math.exp(gray / 32 / TEMPERATURE) for gray in GRAY]
    golden = {name: power / sum(powers) for name, power in zip(labels, powers, strict=True)}
    assert distance(scores_of(picture_path, model), golden) < 1e-5
    for order in itertools.permutations(range(3)):
        if order != (0, 1, 2):
            assert distance(scores_of(golden_picture()[..., order], model), golden) > 0.01, f"the channels may be permuted to {order}"


# ---- The proof: each of these, done on purpose, is seen. -------------------------------------------------------------------------------

PIXELS: dict[str, Callable[[RGB], NDArray[np.generic]]] = {
    **{
        f"channels {order}": lambda image, order=order: image[..., order]
        for order in itertools.permutations(range(3))
        if order != (0, 1, 2)
    },
    "upside down": lambda image: image[::-1],
    "mirrored": lambda image: image[:, ::-1],
    "transposed": lambda image: image.transpose(1, 0, 2),
    "gray": lambda image: cv2.cvtColor(image, cv2.COLOR_RGB2GRAY),
    "inverted": lambda image: 255 - image,
    "0–1 in bytes": lambda image: (image / 255).astype(np.uint8),
    "limited range": lambda image: (16 + image * (219 / 255)).astype(np.uint8),
}


@pytest.mark.parametrize("change", PIXELS)
def test_a_change_of_the_pixels_is_seen(model_path: Path, change: str) -> None:
    assert distance(scores_of(np.ascontiguousarray(PIXELS[change](golden_picture())), model_path)) > 0.005


def test_bgr_that_is_not_bgr_is_seen(model_path: Path) -> None:
    assert distance(scores_of(golden_picture(), model_path, bgr=True)) > 0.05


INPUTS: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
    "0–1 for 0–255": lambda x: x / 255,
    "−1–1 for 0–255": lambda x: x / 127.5 - 1,
    "ImageNet's normalisation": lambda x: (x / 255 - 0.45) / 0.225,
    "blue first": lambda x: np.ascontiguousarray(x[:, ::-1]),
    "columns for rows": lambda x: np.ascontiguousarray(x.swapaxes(2, 3)),
    "channels last": lambda x: np.ascontiguousarray(x.transpose(0, 2, 3, 1)).reshape(x.shape),
}


@pytest.mark.parametrize("change", INPUTS)
def test_a_change_of_the_preprocessing_is_seen(picture_path: Path, model_path: Path, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    true = Preprocessing.to_input
    monkeypatch.setattr(Preprocessing, "to_input", lambda self, crops: INPUTS[change](true(self, crops)))
    assert distance(scores_of(picture_path, model_path)) > 0.05


@pytest.mark.parametrize("pair", list(itertools.combinations(range(8), 2)), ids=lambda pair: f"{FER8[pair[0]]}-{FER8[pair[1]]}")
def test_a_swap_of_two_labels_is_seen(picture_path: Path, tmp_path: Path, pair: tuple[int, int]) -> None:
    names = list(FER8)
    names[pair[0]], names[pair[1]] = names[pair[1]], names[pair[0]]
    model = probe(tmp_path / "swapped.onnx", LabelSet("custom", tuple(names)), LOOKS_AT)
    assert distance(scores_of(picture_path, model)) > 0.005


def test_a_lost_temperature_is_seen(picture_path: Path, model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Calibration, "scores", lambda self, logits: softmax(logits))
    assert distance(scores_of(picture_path, model_path)) > 0.05


# ---- The default model and detector on a real face. ------------------------------------------------------------------------------------


def test_path_bytes_array_and_batch_agree(portrait_path: Path, portrait: RGB) -> None:
    analyzer = Analyzer()
    forms = [str(portrait_path), portrait_path, portrait_path.read_bytes(), portrait, portrait[None], [portrait, portrait]]
    first, *others = [frame.faces for form in forms for frame in analyzer.analyze(form)]
    assert len(first) == 1
    assert len(others) == len(forms)
    for faces in others:
        assert len(faces) == 1
        np.testing.assert_allclose(faces[0].prediction.scores, first[0].prediction.scores, atol=1e-5)
        np.testing.assert_allclose(faces[0].face.box_xyxy, first[0].face.box_xyxy, atol=1e-3)


def test_bgr_array_agrees(portrait_path: Path, portrait: RGB) -> None:
    analyzer = Analyzer()
    bgr = cv2.imread(str(portrait_path))
    [[ours]], [[theirs]] = ([frame.faces for frame in analyzer.analyze(x, bgr=flag)] for x, flag in ((portrait, False), (bgr, True)))
    # OpenCV and Pillow bring JPEG decoders of their own, which may differ by a grey level.
    np.testing.assert_allclose(theirs.prediction.scores, ours.prediction.scores, atol=0.02)
