"""The models that ship: what their cards promise, and that the files keep it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import mien
from mien.artifact import list_models, read_card
from mien.datasets.base import load_dataset
from mien.evaluation.run import evaluate

LEAST = {
    "default": {"fer2013": 0.718, "ferplus": 0.878},
    "miennet": {"fer2013": 0.705, "ferplus": 0.865},
    "miennet_xs": {"fer2013": 0.69, "ferplus": 0.855},
}
MOST_PARAMETERS = {"default": 1_500_000, "miennet": 1_500_000, "miennet_xs": 300_000}


@pytest.mark.parametrize("model", list_models())
def test_a_smiling_portrait_is_happiness(model: str, portrait: NDArray[np.uint8]) -> None:
    results = mien.analyze(portrait, model=model)
    (face,) = results.faces
    assert face.prediction.label == "happiness"
    assert face.prediction.confidence > 0.9
    (seven,) = mien.analyze(portrait, model=model, labels="fer7").faces
    assert seven.prediction.label == "happiness"
    (three,) = mien.analyze(portrait, model=model, labels="valence3").faces
    assert three.prediction.label == "positive"


def test_a_mirror_image_shows_the_same(portrait: NDArray[np.uint8]) -> None:
    first, second = (mien.analyze(np.ascontiguousarray(image)).faces[0].prediction for image in (portrait, portrait[:, ::-1]))
    np.testing.assert_allclose(first.scores, second.scores, atol=0.05)


@pytest.mark.parametrize("model", list_models())
def test_the_card_promises_enough(model: str) -> None:
    card = read_card(model)
    assert 0 < (card.parameters or 0) <= MOST_PARAMETERS[model]
    figures = {(m["dataset"], m["split"]): m for m in card.metrics}
    for dataset, least in LEAST[model].items():
        overall = figures[dataset, "test"]["overall"]
        assert overall["accuracy"] >= least
        assert overall["ece"] <= 0.03
        assert figures[dataset, "test"]["clean"]["n"] < overall["n"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fer2013", "ferplus"])
@pytest.mark.parametrize("model", list_models())
def test_the_file_keeps_what_the_card_promises(model: str, name: str, data_dir: Path) -> None:
    """On the validation split: the test split is for whoever judges a model, not for whoever changes the code."""
    dataset = load_dataset(name, data_dir)
    found = evaluate(mien.load_model(model, dataset.labels), dataset, "validation", clean=False).overall
    promised = next(m["overall"] for m in read_card(model).metrics if (m["dataset"], m["split"]) == (name, "validation"))
    assert found.n == promised["n"]
    assert found.accuracy == pytest.approx(promised["accuracy"], abs=1e-3)


def test_shipped_weights_stay_small() -> None:
    assert sum(path.stat().st_size for path in list_models().values()) < 5_000_000
