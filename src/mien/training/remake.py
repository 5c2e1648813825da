"""A trained model in another form, 8-bit, stored in half the space, or averaging mirror images: calibrated and measured anew."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from mien.artifact import Model, SequenceModel, load_model
from mien.card import Card
from mien.core.errors import ArtifactError, OptionError
from mien.core.files import write_bytes
from mien.core.optional import require
from mien.datasets.base import Dataset
from mien.evaluation.warn import divided_alike
from mien.training.data import load_sets, split_of
from mien.training.export import conclude
from mien.training.parts import ARTIFACT
from mien.training.quantise import METHOD, SEED, calibration_rows, quantised
from mien.training.recipe import Recipe, parse_recipe
from mien.training.rewrite import halved, mirrored


def remake(
    model: str | Path,
    path: str | Path,
    data_dir: str | Path,
    *,
    int8: bool = False,
    half: bool = False,
    flip: bool = False,
    test: bool = False,
) -> Card:
    """Write a trained model, a name or a file, in another form to `path`, whole or not at all; gives the new card.

    `int8`: 8-bit weights and activations, see `quantised`, calibrated on training images of the data sets that the card's recipe names,
    which lie in `data_dir`. `half`: weights stored as float16, see `halved`. `flip`: outputs averaged over each picture and its mirror
    image, see `mirrored`. Temperatures and abstention thresholds are fitted again on the split that the model was selected on, and the
    figures measured again, on the test split where the model's own card has figures for it, or `test` asks for it, then also of a model
    that keeps its form. The new card keeps the rest, and `made_from` names the model, if the form is another.

    Raises
    ------
    OptionError
        None of the forms, nor `test`, or `int8` with `half`, whose weights are smaller already.
    ArtifactError
        A model that can't take the form, that has it already, whose card names no data, or whose data are divided otherwise in `data_dir`.
    DatasetError, MissingExtraError
        As `load_dataset` does; a package of the extra "train" is not installed.
    """
    forms = [name for name, wanted in (("int8", int8), ("half", half), ("flip", flip)) if wanted]
    if not (forms or test) or (int8 and half):
        raise OptionError(f"A form is int8 or half, flip, or one of these and flip; received {' and '.join(forms) or 'none'}.")
    source = load_model(model)
    recipe = recipe_of(source.card)
    _need_room_for(source, recipe, forms)
    sets = _sets(source.card, recipe, data_dir)
    graph = require("onnx", "train").load_model_from_string(source.file)
    made_from: dict[str, Any] = {"name": source.card.name, "version": source.card.version, "sha256": source.card.sha256, "forms": forms}
    if int8:
        dataset = next(iter(sets.values()))
        rows = calibration_rows(dataset)
        graph = quantised(source, graph, dataset.images[rows])
        made_from["calibration"] = {"dataset": dataset.name, "split": "train", "images": len(rows), "seed": SEED, "method": METHOD}
    graph = halved(graph) if half else graph
    graph = mirrored(graph) if flip else graph
    if before := source.card.made_from:
        made_from["made_from"] = before
    card = replace(source.card, name="-".join([source.card.name, *forms]), metrics=(), made_from=made_from if forms else before)
    tested = test or any(metric["split"] == "test" for metric in source.card.metrics)
    return _measured(graph, card, source, recipe.model_copy(update={"evaluate_test": tested}), sets, Path(path))


def recipe_of(card: Card) -> Recipe:
    """The recipe of a network that its card keeps; of a fused model that of the first member, whose data are those of all.

    Raises ArtifactError for a classical model, or a card without a recipe.
    """
    values = card.recipe
    while "members" in values:
        values = values["members"][0]["recipe"]
    if "classifier" in values:
        raise ArtifactError(f"{card.name} is a classical model, which can be given no other form and is not measured anew. Give a network.")
    if "targets" not in values:
        raise ArtifactError(f"The card of {card.name} names no data set to calibrate and measure on. Give a model that mien train wrote.")
    return parse_recipe(values, f"the recipe in the card of {card.name}")


def forms_of(card: Card) -> list[str]:
    """The forms that a model was given since it was trained, the last ones first."""
    found, made_from = [], card.made_from
    while made_from:
        found += made_from["forms"]
        made_from = made_from.get("made_from", {})
    return found


def _need_room_for(source: Model, recipe: Recipe, forms: list[str]) -> None:
    there = [*forms_of(source.card), *(["flip"] if recipe.flip_average else [])]
    if twice := [form for form in forms if form in there]:
        raise ArtifactError(f"{source.card.name} has the form {', '.join(twice)} already. Give the model without it.")
    if "flip" in forms and isinstance(source, SequenceModel):
        raise ArtifactError(f"{source.card.name} reads sequences; only a model of single pictures is given --flip.")


def _sets(card: Card, recipe: Recipe, data_dir: str | Path) -> dict[str, Dataset]:
    sets = load_sets(recipe, data_dir)
    for dataset in sets.values():
        if not divided_alike(card.origin, dataset.origin):
            raise ArtifactError(
                f"{card.name} was trained on the split {card.origin.sha256[:12]}… of {card.origin.protocol}; {dataset.name} in {data_dir} "
                f"has {dataset.origin.sha256[:12]}… of {dataset.origin.protocol}. Give the data that it was trained on."
            )
    return sets


def _measured(graph: Any, card: Card, source: Model, recipe: Recipe, sets: dict[str, Dataset], path: Path) -> Card:
    """Write the artifact, whole or not at all."""
    with tempfile.TemporaryDirectory() as folder:
        selection = split_of(recipe, sets, recipe.select_on)
        made = conclude(graph, card, Path(folder) / ARTIFACT, recipe, sets, selection, source.features)
    write_bytes(path, made.file)
    return made.card
