"""The model that ships: what its card promises, and that the file keeps it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import mien
from mien.artifact import find_model, read_card
from mien.datasets.base import load_dataset
from mien.evaluation.run import evaluate

LEAST = {("fer2013", "test"): 0.705, ("ferplus", "test"): 0.865}


def test_a_smiling_portrait_is_happiness(portrait: NDArray[np.uint8]) -> None:
    results = mien.analyze(portrait)
    (face,) = results.faces
    assert face.prediction.label == "happiness"
    assert face.prediction.confidence > 0.9
    (seven,) = mien.analyze(portrait, labels="fer7").faces
    assert seven.prediction.label == "happiness"
    (three,) = mien.analyze(portrait, labels="valence3").faces
    assert three.prediction.label == "positive"


def test_a_mirror_image_shows_the_same(portrait: NDArray[np.uint8]) -> None:
    first, second = (mien.analyze(np.ascontiguousarray(image)).faces[0].prediction for image in (portrait, portrait[:, ::-1]))
    np.testing.assert_allclose(first.scores, second.scores, atol=0.05)


def test_the_card_promises_enough() -> None:
    card = read_card("default")
    assert (card.parameters or 0) <= 1_500_000
    figures = {(m["dataset"], m["split"]): m for m in card.metrics}
    for key, least in LEAST.items():
        overall = figures[key]["overall"]
        assert overall["accuracy"] >= least
        assert overall["ece"] <= 0.03
        assert figures[key]["clean"]["n"] < overall["n"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fer2013", "ferplus"])
def test_the_file_keeps_what_the_card_promises(name: str, data_dir: Path) -> None:
    """On the validation split: the test split is for whoever judges a model, not for whoever changes the code."""
    dataset = load_dataset(name, data_dir)
    found = evaluate(mien.load_model("default", dataset.labels), dataset, "validation", clean=False).overall
    promised = next(m["overall"] for m in read_card("default").metrics if (m["dataset"], m["split"]) == (name, "validation"))
    assert found.n == promised["n"]
    assert found.accuracy == pytest.approx(promised["accuracy"], abs=1e-3)


def test_shipped_weights_stay_small() -> None:
    assert find_model("default").stat().st_size < 5_000_000
