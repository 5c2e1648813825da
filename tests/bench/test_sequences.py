"""Models of sequences beside each other: artifacts that mien wrote, on sequences of pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import helper
from typer.testing import CliRunner

from mien.artifact import save_artifact
from mien.bench.contenders import Contender, load_contender
from mien.bench.run import bench
from mien.card import Card, Head
from mien.cli import app
from mien.core.errors import InputError
from mien.core.labels import CKPLUS7, FER7, VALENCE3, LabelSet
from mien.datasets.base import Dataset
from mien.datasets.sequences import Sequences, as_sequences
from mien.evaluation.run import evaluate
from mien.preprocess import Preprocessing
from tests.bench.parts import TELLS, data, function, graph

LENGTHS = (3, 5, 9)


def reader(path: Path, weights: NDArray[np.float32], labels: LabelSet = FER7) -> Path:
    """Write a model of sequences whose logits are the mean over the frames of a linear map of their pixels."""
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["each"]),
        helper.make_node("ReduceMean", ["each"], ["logits"], axes=[0], keepdims=1),
    ]
    card = Card(path.stem, "1", (Head("logits", labels),), Preprocessing(4), "drawn", "none")
    model = graph(nodes, {"x": ("t", 1, 4, 4)}, ["logits"], {"w": weights})
    save_artifact(model, Card.from_dict(card.to_dict() | {"sequence": {"frames": None, "longest": 9, "rate_hz": 25.0}}), path)
    return path


def weights() -> NDArray[np.float32]:
    """Pixel i speaks for class i."""
    return np.eye(16, 7, dtype=np.float32)


@pytest.fixture
def right(tmp_path: Path) -> Contender:
    return load_contender(reader(tmp_path / "right.onnx", weights()), threads=1)


@pytest.fixture
def wrong(tmp_path: Path) -> Contender:
    return load_contender(reader(tmp_path / "wrong.onnx", np.roll(weights(), 1, axis=1)), threads=1)


def drawn(n: int = 21) -> Sequences:
    """Sequences of 3, 5 and 9 dark pictures, in whose last one the pixel of the class is bright; each third one for training."""
    lengths = [LENGTHS[i % 7 % 3] for i in range(n)]
    images = np.zeros((sum(lengths), 4, 4), np.uint8)
    last, shown = np.cumsum(lengths) - 1, np.arange(n) % 7
    images[last, shown // 4, shown % 4] = 255
    whose = np.repeat(np.arange(n), lengths)
    places = np.concatenate([np.arange(length) for length in lengths])
    split = np.where(whose % 3 == 0, "train", "test")
    names = np.char.add("s", whose.astype(str))
    return as_sequences(Dataset("drawn", FER7, images, shown[whose], split, np.arange(len(images)), sequences=names, frames=places))


def test_side_by_side_on_the_same_sequences(right: Contender, wrong: Contender) -> None:
    found = bench([right, wrong], [drawn()], runs=3)
    assert [one.result.overall.accuracy for one in found.judged] == [1, 0]
    assert (found.judged[1].against.n, found.judged[1].against.difference) == (14, -1)
    json.dumps(found.to_dict(), allow_nan=False)


def test_what_a_sequence_costs(right: Contender) -> None:
    sequences = drawn()
    cost = bench([right], [sequences], runs=3).costs["right"]
    assert (cost.unit, cost.parameters, cost.macs) == ("sequence", 16 * 7, 5 * 16 * 7)
    assert cost.latency_ms > 0
    assert cost.faces_per_s > 0
    assert bench([right], [sequences], runs=0).notes == ("Costs are of sequences of 3 to 9 pictures; multiply–accumulates of one of 5.",)


def test_both_kinds_at_once_are_refused(right: Contender, tmp_path: Path) -> None:
    pictures = load_contender(function(tmp_path, "my_pictures", TELLS))
    with pytest.raises(InputError, match=r"right reads sequences and my_pictures single pictures\. Compare models of one kind"):
        bench([right, pictures], [drawn()])
    with pytest.raises(InputError, match="right reads sequences, and the rows of drawn are single pictures"):
        bench([right], [data()])
    with pytest.raises(InputError, match="my_pictures reads single pictures, and the rows of drawn are sequences"):
        bench([pictures], [drawn()])


def test_read_as_other_labels(right: Contender) -> None:
    """Its head is for the data set's own labels, so that the scores are read as others behind it."""
    whole = drawn().with_labels(VALENCE3)
    assert evaluate(right.read(FER7, VALENCE3), whole, "test").overall.accuracy == 1
    assert bench([right], [drawn()], labels=VALENCE3, runs=0).judged[0].result.overall.n == 12
    never = right.read(CKPLUS7, CKPLUS7, partial=True)
    scores = never.predict_sequences([np.full((4, 4, 4), 9, np.uint8)])
    assert (scores[0, CKPLUS7.index("contempt")], scores.sum()) == (0, pytest.approx(1))


def test_the_command(tmp_path: Path) -> None:
    models = [reader(tmp_path / "one.onnx", weights()), reader(tmp_path / "other.onnx", -weights())]
    words = ["bench", *map(str, models), "--dataset", "avatars", "--data", str(tmp_path), "--runs", "1", "--split", "train"]
    words += [part for word in ("kind=sequences", "n=7", "length=5", "characters=1", "workers=1") for part in ("--option", word)]
    done = CliRunner().invoke(app, [*words, "--report", str(tmp_path / "page.html")])
    assert done.exit_code == 0, done.stderr
    assert "ms a sequence" in done.stdout
    assert "one sequence by itself" in done.stdout
    page = (tmp_path / "page.html").read_text()
    assert all(head in page for head in ("MACs a sequence", "One sequence", "Sequences a second"))
    assert "Costs are of sequences of 5 pictures." in done.stdout
    told = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert [model["cost"]["unit"] for model in told["models"]] == ["sequence"] * 2
