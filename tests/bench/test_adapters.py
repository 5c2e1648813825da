from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.artifact import load_model
from mien.bench.adapters import Reading, read_as
from mien.bench.contenders import load_contender
from mien.core.calibration import softmax
from mien.core.errors import InputError, LabelError
from mien.core.labels import CKPLUS7, FER6, FER7, FER8, VALENCE3
from tests.bench.parts import GRAY, LABELS, TELLS, adapter, crops, function, linear

ORDER = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")


def test_logits_become_scores_in_the_order_that_is_asked_for(tmp_path: Path) -> None:
    weights = linear(tmp_path / "net.onnx")
    network = load_contender(adapter(tmp_path, f'onnx = "net.onnx"\n{LABELS}{GRAY}')).network
    assert tuple(network.labels) == ORDER
    expected = softmax(crops().reshape(9, 16).astype(np.float32) @ weights)
    np.testing.assert_allclose(network.predict(crops()), expected, atol=1e-5)
    read = network.with_labels(FER7).predict(crops())
    np.testing.assert_allclose(read, expected[:, [ORDER.index(name) for name in FER7]], atol=1e-5)
    assert read.dtype == np.float32


def test_scores_stay_as_they_are(tmp_path: Path) -> None:
    linear(tmp_path / "net.onnx", soft=True)
    network = load_contender(adapter(tmp_path, f'onnx = "net.onnx"\n{LABELS}{GRAY}[output]\nkind = "scores"\n')).network
    scores = network.predict(crops())
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(network.with_labels(VALENCE3).predict(crops())[:, 1], scores[:, 6] / (1 - scores[:, 5]), atol=1e-5)


def test_a_function_that_tells_the_truth_is_read_by_name(tmp_path: Path) -> None:
    pictures = crops(14)
    pictures[:, 0, 0] = np.arange(14) % 7
    network = load_contender(function(tmp_path, "my_teller", TELLS)).network.with_labels(FER7)
    assert network.predict(pictures).argmax(axis=1).tolist() == list(range(7)) * 2
    assert network.predict(pictures[:0]).shape == (0, 7)
    assert (network.identity.name, network.identity.sha256, network.identity.labels) == ("my_teller", "", FER7)


def test_columns_that_are_no_expressions_are_left_out(tmp_path: Path) -> None:
    text = 'callable = "my_ten:scores"\nlabels = ["happy", "", "sad", ""]\n'
    (tmp_path / "my_ten.py").write_text(
        "def scores(crops):\n    return [[0.6, 0.2, 0.1, 0.1], [0.7, 5.0, 0.3, -2.0], [0.0, 0.5, 0.0, 0.5]]\n"
    )
    scores = load_contender(adapter(tmp_path, text)).network.predict(crops(3))
    np.testing.assert_allclose(scores, [[6 / 7, 1 / 7], [0.7, 0.3], [0.5, 0.5]], atol=1e-6)
    logits = load_contender(adapter(tmp_path, text + '[output]\nkind = "logits"\n')).network.predict(crops(3))
    np.testing.assert_allclose(logits[2], [0.5, 0.5], atol=1e-6)


def test_an_output_with_sides_of_one_is_flat(tmp_path: Path) -> None:
    path = function(tmp_path, "my_map", "return np.full((len(crops), 7, 1, 1), 1 / 7)")
    assert load_contender(path).network.predict(crops()).shape == (9, 7)


@pytest.mark.parametrize(
    ("body", "error", "says"),
    [
        ("s = np.full((len(crops), 7), 1 / 7); s[3, 2] = np.nan; return s", InputError, r"1 of 9 rows hold NaN .*row 3"),
        ("return np.full((len(crops), 7), np.inf)", InputError, "9 of 9 rows hold NaN or infinity"),
        ("return np.full((len(crops), 7), 1e308)", InputError, "9 of 9 rows hold NaN or infinity"),
        ("return np.full((len(crops), 7), 100 / 7)", InputError, r"sums to 100\. .*divide percentages by 100"),
        ("return np.arange(63.0).reshape(9, 7) - 20", InputError, 'kind = "logits"'),
        ("return np.tile([1.5, -0.5, 0, 0, 0, 0, 0], (len(crops), 1))", InputError, "not negative"),
        ("return np.full((len(crops), 8), 1 / 8)", LabelError, r"shape \(9, 8\); its 7 labels need \(N, 7\)"),
        ("return np.full(len(crops), 1 / 8)", LabelError, r"shape \(9,\)"),
        ("return [['happy'] * 7] * len(crops)", LabelError, "its 7 labels"),
    ],
)
def test_what_is_no_score_is_an_error_that_names_the_adapter(tmp_path: Path, body: str, error: type[Exception], says: str) -> None:
    network = load_contender(function(tmp_path, "my_wrong", body)).network
    with pytest.raises(error, match=says) as caught:
        network.predict(crops())
    assert "my_wrong.toml" in str(caught.value)


def test_labels_out_of_reach_are_refused_or_never_said(tmp_path: Path) -> None:
    network = load_contender(function(tmp_path, "my_seven", TELLS)).network
    with pytest.raises(LabelError, match=r"my_seven: .*nothing stands for contempt.*fer7 and fer6 and valence3 \(--labels\).*--partial"):
        read_as(network, FER8)
    pictures = crops(7)
    pictures[:, 0, 0] = np.arange(7)
    read = read_as(network, FER8, partial=True)
    scores = read.predict(pictures)
    assert (scores[:, 7] == 0).all()
    np.testing.assert_array_equal(scores[:, :7], network.with_labels(FER7).predict(pictures))
    assert (read.identity.name, read.identity.labels) == ("my_seven", FER8)
    assert tuple(read_as(read, FER6).labels) == tuple(FER6)
    # what the model alone has, neutral, is dropped where contempt is never said
    np.testing.assert_allclose(read_as(network, CKPLUS7, partial=True).predict(pictures).sum(axis=1), 1, atol=1e-6)


def test_nothing_in_common_is_refused_even_in_part(tmp_path: Path) -> None:
    (tmp_path / "my_two.py").write_text("def scores(crops):\n    return [[0.5, 0.5]] * len(crops)\n")
    text = 'callable = "my_two:scores"\nlabels = ["bored", "keen"]\nown_labels = true\n'
    with pytest.raises(LabelError, match=r"nothing stands for .* no label set of mien's in common"):
        read_as(load_contender(adapter(tmp_path, text)).network, FER7, partial=True)


def test_a_reading_keeps_the_card_of_its_model() -> None:
    model = load_model("default", threads=1)
    assert Reading(model, FER7).card is model.card
