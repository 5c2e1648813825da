from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mien.artifact import find_model, load_model, read_card
from mien.core.calibration import softmax
from mien.core.errors import ArtifactError, RecipeError
from mien.core.labels import FER8
from mien.datasets import SplitOrigin
from mien.training.data import load_sets, split_of
from mien.training.distill import distilled, selection_of
from mien.training.parts import DistillPart
from mien.training.recipe import parse_recipe
from mien.training.run import train


@pytest.fixture(scope="module")
def teacher() -> str:
    return "default"


@pytest.mark.slow
def test_targets_become_the_mixture_of_labels_and_teachers(small: dict[str, Any], small_data: Path, teacher: str) -> None:
    recipe = parse_recipe(small)
    split = split_of(recipe, load_sets(recipe, small_data), "train")
    taught = distilled(split, DistillPart(teachers=[teacher, teacher], weight=0.25, temperature=2.0))
    model, crops = load_model(teacher), split.images[:, 0].numpy()
    logits = [model.logits(view, FER8) / 2 for view in (crops, np.ascontiguousarray(crops[:, :, ::-1]))]
    opinion = (softmax(logits[0]) + softmax(logits[1])) / 2
    before, after = split.heads["fer8"], taught.heads["fer8"]
    assert np.allclose(after.probabilities.numpy(), 0.75 * before.probabilities.numpy() + 0.25 * opinion, atol=1e-6)
    assert torch.equal(after.classes, before.classes)
    assert torch.equal(taught.images, split.images)
    assert taught.fingerprint != split.fingerprint


def test_rows_without_a_label_learn_from_the_teachers_alone(small: dict[str, Any], small_data: Path, teacher: str) -> None:
    recipe = parse_recipe(small)
    split = split_of(recipe, load_sets(recipe, small_data), "train")
    head = split.heads["fer7"]
    head.known[:5], head.probabilities[:5] = False, 0
    taught = distilled(split, DistillPart(teachers=[teacher], weight=0.5)).heads["fer7"]
    assert taught.known.all()
    assert torch.allclose(taught.probabilities.sum(1), torch.ones(len(split)), atol=1e-5)


@pytest.mark.slow
def test_a_distilled_run_names_its_teachers(small: dict[str, Any], small_data: Path, tmp_path: Path, teacher: str) -> None:
    recipe = parse_recipe({**small, "distill": {"teachers": [teacher]}, "phases": [{"epochs": 1, "size": 48}]})
    train(recipe, small_data, tmp_path / "run")
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["teachers"] == {teacher: read_card(teacher).sha256}
    assert read_card(tmp_path / "run" / "model.onnx").recipe["distill"]["weight"] == 0.7


@pytest.mark.slow
def test_what_can_not_teach_is_refused(small: dict[str, Any], small_data: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"distill\.weight"):
        parse_recipe({**small, "distill": {"teachers": ["default"], "weight": 0}})
    with pytest.raises(RecipeError, match="teachers"):
        parse_recipe({**small, "distill": {"teachers": []}})
    recipe = parse_recipe(small)
    split = split_of(recipe, load_sets(recipe, small_data), "train")
    with pytest.raises(ArtifactError, match=r"nothing\.onnx"):
        distilled(split, DistillPart(teachers=[str(tmp_path / "nothing.onnx")]))
    one_head = parse_recipe({**small, "name": "one", "targets": {"fer7": small["targets"]["fer7"]}, "phases": [{"epochs": 1, "size": 48}]})
    train(one_head, small_data, tmp_path / "one")
    with pytest.raises(RecipeError, match="no head fer8"):
        distilled(split, DistillPart(teachers=[str(tmp_path / "one" / "model.onnx")]))


def test_a_teacher_that_knows_the_test_rows_is_refused_or_told(
    small: dict[str, Any], small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = small | {"targets": {"fer7": small["targets"]["fer7"]}, "distill": {"teachers": ["default"]}}
    sets = load_sets(parse_recipe(values), small_data)
    assert selection_of(parse_recipe(values), sets) == "validation"
    other = {"protocol": {"name": "stratified"}}  # the teacher learnt from the published sides
    divided = {head: replace(dataset, origin=SplitOrigin("stratified", sha256="ab" * 32)) for head, dataset in sets.items()}
    with pytest.raises(RecipeError, match="learns from default, which may know the test rows"):
        selection_of(parse_recipe(values | other), divided)
    allowed = parse_recipe(values | other | {"allow_test_selection": True})
    assert selection_of(allowed, divided) == "validation and test"
    assert selection_of(allowed, {head: replace(dataset, name="others") for head, dataset in divided.items()}) == "validation"
    (tmp_path / "best.safetensors").touch()
    begun = parse_recipe({**values, "distill": None, "start_from": str(tmp_path)} | other)
    with pytest.raises(RecipeError, match=r"no model\.onnx says what it learnt from"):
        selection_of(begun, divided)
    shutil.copy(find_model("default"), tmp_path / "model.onnx")
    assert selection_of(begun, sets) == "validation"
    monkeypatch.chdir(tmp_path)  # a run lies here, and a recipe without a start has nothing to do with it
    assert selection_of(parse_recipe({**values, "distill": None} | other), divided) == "validation"
    with pytest.raises(RecipeError, match=r"learns from .*model\.onnx, which may know the test rows"):
        selection_of(begun, divided)
    (tmp_path / "features.npz").touch()
    described = parse_recipe({**values, "distill": None, "features": {"name": "bovw", "learnt": str(tmp_path / "features.npz")}} | other)
    with pytest.raises(RecipeError, match=r"learns from .*model\.onnx, which may know the test rows"):
        selection_of(described, divided)
    picked = replace(read_card("default"), selection="test")
    monkeypatch.setattr("mien.training.distill.read_card", lambda name: picked)
    with pytest.raises(RecipeError, match="selected on test"):
        selection_of(parse_recipe(values), sets)
