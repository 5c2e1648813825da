from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from mien.artifact import load_model, save_artifact
from mien.card import Head
from mien.core.calibration import Calibration
from mien.core.errors import ArtifactError
from mien.core.labels import FER7, FER8, LabelSet
from mien.datasets.base import SplitOrigin
from mien.datasets.seen import seen_by
from mien.explain.graph import read_graph
from mien.preprocess import Preprocessing
from mien.training import fuse as room
from mien.training.fuse import fuse, fused
from tests.test_artifact import CARD, probe

CROPS = np.random.default_rng(1).integers(0, 256, (40, 4, 4), np.uint8)


def member(path: Path, scale: float = 1.0, graph: onnx.ModelProto | None = None, **facts: Any) -> Path:
    """A model whose logits are `scale` times those of the probe."""
    graph = graph or probe()
    for tensor in graph.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(np.float32(scale) * numpy_helper.to_array(tensor), tensor.name))
    recipe = {"targets": {"fer8": {"dataset": "ferplus"}}}
    save_artifact(graph, replace(CARD, **{"name": path.stem, "parameters": 240, "recipe": recipe} | facts), path)
    return path


@pytest.fixture
def pair(tmp_path: Path) -> list[Path]:
    warm = (Head("eight", FER8, Calibration(0.5)), Head("seven", FER7, Calibration(3.0, tail=0.2, top=0.4)))
    return [member(tmp_path / "a.onnx"), member(tmp_path / "b.onnx", -2.0, heads=warm)]


def test_scores_are_the_mean_of_the_members(pair: list[Path], tmp_path: Path) -> None:
    card = fuse(pair, tmp_path / "both.onnx")
    both = load_model(tmp_path / "both.onnx")
    assert both.card == card
    for labels in (FER8, FER7):
        mean = np.mean([load_model(path, labels).predict(CROPS) for path in pair], axis=0)
        np.testing.assert_allclose(both.with_labels(labels).predict(CROPS), mean, atol=1e-6)
    assert [head.calibration for head in card.heads] == [Calibration(), Calibration()]
    onnx.checker.check_model(onnx.load(tmp_path / "both.onnx"), full_check=True)


def test_scores_too_small_for_a_float_stay_finite(tmp_path: Path) -> None:
    pair = [member(tmp_path / "a.onnx", 2000.0), member(tmp_path / "b.onnx", 2001.0)]
    fuse(pair, tmp_path / "both.onnx")
    logits = load_model(tmp_path / "both.onnx").logits(CROPS)
    assert np.isfinite(logits).all()
    assert logits.min() < -200  # as a score it would be 0, and its logarithm endless


def test_the_card_says_what_is_inside(pair: list[Path], tmp_path: Path) -> None:
    third = member(
        tmp_path / "c.onnx", 3.0, selection="test", training_data="more", licence="none", recipe={"targets": {"fer7": {"dataset": "jaffe"}}}
    )
    card = fuse([*pair, third], tmp_path / "all.onnx")
    assert card.name == "a+b+c"
    assert card.parameters == 720
    assert (card.training_data, card.licence) == ("made up; more", "none")
    assert [one["sha256"] for one in card.recipe["members"]] == [load_model(path).card.sha256 for path in (*pair, third)]
    assert card.selection == "validation and test"  # one member chosen on test taints the whole
    assert card.metrics == ()
    assert seen_by(card.recipe) == {"ferplus", "fer2013", "jaffe"}
    assert card.origin == SplitOrigin()
    assert fused([pair[0], member(tmp_path / "d.onnx", 4.0, parameters=None, recipe={})], "mine")[1].parameters is None


def test_members_of_which_one_does_not_tell_have_seen_nobody_knows_what(pair: list[Path], tmp_path: Path) -> None:
    silent = member(tmp_path / "c.onnx", 3.0, recipe={})
    assert seen_by(fused([pair[0], silent])[1].recipe) == frozenset()


def test_members_of_different_splits_are_no_longer_held_out(tmp_path: Path) -> None:
    origins = [SplitOrigin("subject_folds", f"{fold} of 5", str(fold) * 64, "Copies.") for fold in (1, 2)]
    pair = [member(tmp_path / f"{i}.onnx", i + 1.0, origin=origin) for i, origin in enumerate(origins)]
    origin = fused(pair)[1].origin
    assert origin.protocol == "subject_folds 1 of 5 + subject_folds 2 of 5"
    assert origin.sha256 not in ("", *(one.sha256 for one in origins))
    assert origin.leaks.endswith("may have trained another. Copies.")


def test_an_ensemble_can_be_fused_again_and_its_graph_be_read(pair: list[Path], tmp_path: Path) -> None:
    fuse(pair, tmp_path / "both.onnx", name="both")
    fuse([tmp_path / "both.onnx", member(tmp_path / "c.onnx", 3.0)], tmp_path / "nested.onnx")
    model = load_model(tmp_path / "nested.onnx")
    expected = (load_model(tmp_path / "both.onnx").predict(CROPS) + load_model(tmp_path / "c.onnx").predict(CROPS)) / 2
    np.testing.assert_allclose(model.predict(CROPS), expected, atol=1e-6)
    assert read_graph(model).input == "images"


def old_graph() -> onnx.ModelProto:
    """The probe with an experimental operator, which the runtime still knows and ONNX can't bring up to date."""
    graph = probe()
    graph.graph.node.insert(0, helper.make_node("ImageScaler", ["images"], ["same"], bias=[0.0], scale=1.0))
    graph.graph.node[1].input[0] = "same"
    graph.opset_import[0].version = 9
    return graph


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"preprocessing": Preprocessing(4, equalise=True)}, "equalise=True.*Fuse models with the same preprocessing"),
        ({"heads": (CARD.heads[0],)}, r"b has the label sets fer8 \(.*\), and a has"),
        ({"heads": (Head("eight", LabelSet("mine", tuple("abcdefgh"))), CARD.heads[1])}, r"mine \(a, b, c"),
        ({"graph": old_graph()}, "version 9 of ONNX's operators and can't be brought to 18"),
    ],
)
def test_members_that_do_not_fit(tmp_path: Path, facts: dict[str, Any], said: str) -> None:
    pair = [member(tmp_path / "a.onnx"), member(tmp_path / "b.onnx", 2.0, **facts)]
    with pytest.raises(ArtifactError, match=said):
        fuse(pair, tmp_path / "both.onnx")
    assert not (tmp_path / "both.onnx").exists()


def test_what_can_not_be_fused(pair: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArtifactError, match="two models or more; received 1"):
        fuse(pair[:1], tmp_path / "both.onnx")
    with pytest.raises(ArtifactError, match="given twice"):
        fuse([*pair, pair[0]], tmp_path / "both.onnx")
    monkeypatch.setattr(room, "_LIMIT", 100)
    with pytest.raises(ArtifactError, match="Fuse fewer or smaller ones"):
        fuse(pair, tmp_path / "both.onnx")
