"""Ensembles: several recipes trained one after the other on the same rows, and fused into one artifact.

OUT/<member>   the run of each member, as `mien.training.run` keeps it
recipe.json    the ensemble as resolved, with the recipes of its members
model.onnx     the artifact: the mean of the members' scores, calibrated and measured like that of a single run
run.json       versions, hardware, protocol, selection, data fingerprints, the members' hashes
curve.png      loss and accuracy of the members over the epochs
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from mien.artifact import read_card
from mien.card import Card
from mien.core.errors import ArtifactError, RecipeError, TrainingError
from mien.core.files import write_text
from mien.training.classical_recipe import ClassicalRecipe
from mien.training.comparison import draw_comparison
from mien.training.data import Split, load_sets, split_of
from mien.training.export import conclude
from mien.training.fuse import fused
from mien.training.logs import LOG, read_log
from mien.training.parts import ARTIFACT, Part
from mien.training.recipe import Recipe, checked, find_recipe, load_experiment, load_recipe, recipe_values
from mien.training.run import Progress, circumstances, claim, same_recipe, train


class EnsembleFile(Part):
    """An ensemble as a TOML file has it. `members`: names of shipped recipes, or files beside it."""

    name: str = Field(min_length=1)
    version: str = "1"
    members: list[str] = Field(min_length=2)
    training_data: str = ""
    licence: str = ""


class Ensemble(Part):
    """An ensemble with the recipes of its members, by their names.

    The members have the same heads on the same rows, are selected on the same split and see pictures of the same preprocessing, so that
    the fused model has one input and can be calibrated and measured where its members were.
    """

    name: str
    version: str
    members: dict[str, Recipe] = Field(min_length=2)
    training_data: str
    licence: str

    @model_validator(mode="after")
    def _members_agree(self) -> Ensemble:
        for name, recipe in self.members.items():
            if recipe.sequence is not None or recipe.features is not None:
                raise ValueError(f"the member {name!r} takes more than single pictures, and can't be fused. Leave it out")
            same = [other for other, made in self.members.items() if other != name and _trained_by(made) == _trained_by(recipe)]
            if same:
                raise ValueError(
                    f"the members {name!r} and {same[0]!r} differ in name alone, and would be one network twice. Leave one out, or give "
                    "each its seed in its own recipe, not to all by --set"
                )
        (first, shared), *others = ((name, _shared(recipe)) for name, recipe in self.members.items())
        for name, values in others:
            if differing := [key for key in shared if values[key] != shared[key]]:
                key = differing[0]
                raise ValueError(
                    f"the members {first!r} and {name!r} differ in {', '.join(differing)} ({key}: {shared[key]} and {values[key]}), "
                    "and can't be fused and measured as one. Give all members the same, as with --set"
                )
        return self

    @property
    def first(self) -> Recipe:
        """The recipe of the first member, which speaks for all of them where they agree."""
        return next(iter(self.members.values()))

    @property
    def seed(self) -> int:
        """The seed of the first member."""
        return self.first.seed

    @property
    def select_on(self) -> str:
        """The split that the best epochs of all members are picked on."""
        return self.first.select_on

    @property
    def epochs(self) -> int:
        """Epochs of all members together."""
        return sum(recipe.epochs for recipe in self.members.values())


Plan = Recipe | ClassicalRecipe | Ensemble
"""What `mien train` runs."""


def load_plan(name_or_path: str | Path, overrides: dict[str, str] | None = None) -> Plan:
    """Read a recipe or an ensemble by name, or from a TOML file; `overrides` go to every member of an ensemble.

    Raises as `load_experiment` does, and RecipeError for members of one name or ones that do not fit each other.
    """
    path = find_recipe(name_or_path)
    values = recipe_values(path)
    if "members" not in values:
        return load_experiment(path, overrides)
    where = f"recipe {name_or_path}"
    written = checked(EnsembleFile, values, where)
    recipes = [load_recipe(find_recipe(member, path.parent), overrides) for member in written.members]
    members = {recipe.name: recipe.model_dump(mode="json") for recipe in recipes}
    if len({folder_name(name) for name in members}) < len(recipes):
        names = ", ".join(recipe.name for recipe in recipes)
        raise RecipeError(f"{where}: each member needs a name of its own; received {names}. Change a member's name.")
    return checked(Ensemble, written.model_dump() | {"members": members}, where)


def varied(plan: Plan, shift: int, fold: str | None = None) -> Plan:
    """The same with its seed raised by `shift`, and on a `fold` of its protocol, where one is given.

    The seeds of an ensemble's members rise by `shift` times as many as they span, so that no two of its runs share a network. Raises
    RecipeError when a seed passes its range.
    """
    values = plan.model_dump(mode="json")
    if isinstance(plan, Ensemble):
        seeds = [recipe.seed for recipe in plan.members.values()]
        shift *= max(seeds) - min(seeds) + 1
    for recipe in values["members"].values() if isinstance(plan, Ensemble) else [values]:
        recipe["seed"] += shift
        recipe["protocol"]["fold"] = fold or recipe["protocol"]["fold"]
    return checked(type(plan), values)


def runs_of(plan: Plan, folder: Path) -> Iterator[tuple[str, Recipe, Path]]:
    """The single runs of networks that a plan in `folder` consists of: name, recipe and folder. A classical model has none."""
    if isinstance(plan, Recipe):
        yield plan.name, plan, folder
    elif isinstance(plan, Ensemble):
        for name, recipe in plan.members.items():
            yield name, recipe, folder / folder_name(name)


def folder_name(text: str) -> str:
    """`text` as the name of a folder."""
    return re.sub(r"[^\w.+-]+", "-", text).strip(".-")


def finished(plan: Plan, folder: Path) -> bool:
    """Whether `folder` holds the whole run of this plan, with an artifact that can be read: the last file is written when all else is done.

    It is the curve; a run of one network has its log besides, and of a classical model there is run.json at last.
    """
    last = ["run.json"] if isinstance(plan, ClassicalRecipe) else ["curve.png"]
    parts = [ARTIFACT, *last, *([LOG] if isinstance(plan, Recipe) else [])]
    if not all((folder / name).is_file() for name in parts) or not same_recipe(folder / "recipe.json", plan):
        return False
    try:
        read_card(folder / ARTIFACT)
    except ArtifactError:
        return False
    return True


@contextmanager
def naming(run: str) -> Iterator[None]:
    """Around one of several runs: what it raises of its recipe or its training says which one it is."""
    try:
        yield
    except (RecipeError, TrainingError) as error:
        raise type(error)(f"{run}: {error}") from error


def epochs_before(plan: Plan, row: dict[str, Any]) -> int:
    """How many epochs of `plan` come before the member that a row of progress is of."""
    before = 0
    for name, recipe in plan.members.items() if isinstance(plan, Ensemble) else ():
        if name == row["member"]:
            break
        before += recipe.epochs
    return before


def train_plan(
    plan: Plan,
    data_dir: str | Path,
    folder: str | Path,
    *,
    resume: bool = False,
    tensorboard: bool = False,
    on_epoch: Progress | None = None,
) -> Card:
    """Run a recipe as `train`, `train_classical` or `train_ensemble` does, on one device; gives the card of its artifact."""
    if isinstance(plan, Ensemble):
        return train_ensemble(plan, data_dir, folder, resume=resume, tensorboard=tensorboard, on_epoch=on_epoch)
    if isinstance(plan, ClassicalRecipe):
        from mien.training.classical import train_classical

        return train_classical(plan, data_dir, folder, resume=resume)
    train(plan, data_dir, folder, resume=resume, tensorboard=tensorboard, on_epoch=on_epoch)
    return read_card(Path(folder) / ARTIFACT)


def train_ensemble(
    ensemble: Ensemble,
    data_dir: str | Path,
    folder: str | Path,
    *,
    resume: bool = False,
    tensorboard: bool = False,
    on_epoch: Progress | None = None,
) -> Card:
    """Train every member in a folder of its own in `folder`, fuse them into `folder`/model.onnx, and give that artifact's card.

    `resume` goes on where an earlier call stopped: finished members stay as they are. `on_epoch` gets each epoch's row, with the "member"
    that it is of.

    The artifact's calibration and thresholds are fitted on the split that the members select on, and its figures measured, as for a
    single run. Raises as `train` does.
    """
    folder = Path(folder)
    claim(folder, ensemble, resume)
    load_sets(ensemble.first, data_dir)  # a fault of the data is told before the folder is taken
    write_text(folder / "recipe.json", ensemble.model_dump_json(indent=2) + "\n")
    for name, recipe, place in runs_of(ensemble, folder):

        def tell(row: dict[str, Any], name: str = name) -> None:
            if on_epoch is not None:
                on_epoch(row | {"member": name})

        if not (resume and finished(recipe, place)):
            with naming(name):
                train(recipe, data_dir, place, resume=resume, tensorboard=tensorboard, on_epoch=tell)
    return _join(ensemble, data_dir, folder)


def _join(ensemble: Ensemble, data_dir: str | Path, folder: Path) -> Card:
    places = {name: place for name, _, place in runs_of(ensemble, folder)}
    sets = load_sets(ensemble.first, data_dir)
    selection = split_of(ensemble.first, sets, ensemble.select_on)
    graph, card = fused([place / ARTIFACT for place in places.values()], ensemble.name)
    card = replace(
        card,
        version=ensemble.version,
        training_data=ensemble.training_data or card.training_data,
        licence=ensemble.licence or card.licence,
    )
    card = conclude(graph, card, folder / ARTIFACT, ensemble.first, sets, selection).card
    _describe(folder, card, selection)
    curves = {name: [read_log(place)] for name, place in places.items()}
    draw_comparison(curves, folder / "curve.png", split=ensemble.select_on)
    return card


def _describe(folder: Path, card: Card, selection: Split) -> None:
    facts = {
        **circumstances("cpu"),
        "parameters": card.parameters,
        "protocol": asdict(card.origin),
        "selection": card.selection,
        "members": {member["name"]: member["sha256"] for member in card.recipe["members"]},
        "data": {"selection": {"rows": len(selection), "sha256": selection.fingerprint}},
    }
    write_text(folder / "run.json", json.dumps(facts, indent=2) + "\n")


def _trained_by(recipe: Recipe) -> dict[str, Any]:
    """All that decides what a member becomes."""
    return recipe.model_dump(exclude={"name", "version", "training_data", "licence"})


def _shared(recipe: Recipe) -> dict[str, Any]:
    """What the members of an ensemble have in common, by the key that says it."""
    return {
        "targets": {head: (part.dataset, recipe.labels_of(head).names, part.options) for head, part in recipe.targets.items()},
        "preprocess": recipe.preprocess.model_dump(),
        "phases (last size)": recipe.picture_size,
        "protocol": recipe.protocol.model_dump(),
        "select_on": recipe.select_on,
        "evaluate_test": recipe.evaluate_test,
    }
