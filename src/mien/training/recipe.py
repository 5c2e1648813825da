"""Recipes: one experiment in one TOML file, every key and value checked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mien.core.errors import RecipeError, UnknownNameError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RECIPES = Path(__file__).resolve().parent.parent / "recipes"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ModelPart(_Part):
    """Which architecture, with which of its own options."""

    name: str
    options: dict[str, Any] = {}


class TargetPart(_Part):
    """One head: which data set's labels it learns, and by which loss.

    `soft_cross_entropy` learns the normalised votes of the annotators and needs a data set that has them; images without enough votes do
    not count for this head. `options` are those of the data set's loader.
    """

    dataset: str
    loss: Literal["cross_entropy", "soft_cross_entropy"] = "cross_entropy"
    weight: float = Field(1.0, gt=0)
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    options: dict[str, Any] = {}


class AugmentPart(_Part):
    """What is drawn anew for each image of each batch. Fractions are of the side; angles are degrees; ranges are ±."""

    flip: bool = True
    rotation: float = Field(12.0, ge=0, le=180)
    shift: float = Field(0.12, ge=0, lt=1)
    scale: float = Field(0.12, ge=0, lt=1)
    brightness: float = Field(0.2, ge=0, le=1)
    contrast: float = Field(0.2, ge=0, lt=1)
    erase_probability: float = Field(0.5, ge=0, le=1)
    erase_side: float = Field(0.25, gt=0, lt=1)
    mixup: float = Field(0.0, ge=0)


class PhasePart(_Part):
    """A run of epochs at one picture size."""

    epochs: int = Field(ge=1)
    size: int = Field(ge=8)


class OptimPart(_Part):
    """SGD with Nesterov momentum; `schedule` shapes the rate over all steps of all phases. `batch_size` is that of each device."""

    learning_rate: float = Field(0.1, gt=0)
    schedule: Literal["one_cycle", "cosine", "constant"] = "one_cycle"
    warmup: float = Field(0.2, ge=0, lt=1)
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(5e-4, ge=0)
    batch_size: int = Field(128, ge=2)
    clip_norm: float | None = Field(None, gt=0)
    ema_decay: float = Field(0.999, ge=0, lt=1)


class ProtocolPart(_Part):
    """Who trains and who is tested: a protocol of `mien.datasets.protocols`, with its own `options` and `seed`.

    `fold`: which of its folds, by number from 1 or by name, where it has several. `oversample`: repeat training rows, after the split,
    until the classes of the first target have equal numbers.
    """

    name: str = "official"
    seed: int = Field(0, ge=0)
    fold: int | str | None = None
    oversample: bool = False
    options: dict[str, Any] = {}


class DistillPart(_Part):
    """Learning from other models: names or paths of artifacts, whose mean opinion gets `weight` of the target.

    `temperature` softens what they say (above 1) before it is averaged.
    """

    teachers: list[str] = Field(min_length=1)
    weight: float = Field(0.7, gt=0, le=1)
    temperature: float = Field(1.0, gt=0, le=20)


class Recipe(_Part):
    """All of one experiment.

    `targets`: head name → what it learns; the head's name is its label set, and the first is the model's default. The pictures are those
    of the first target's data set; the others must label the same rows. The best epoch is the one with the highest mean accuracy over the
    heads on the split `select_on`, where temperatures and thresholds are fitted too. That is "validation"; "test" takes
    `allow_test_selection`, and the card then says that the figures on test are not held out; so does a teacher that may know the test rows.
    `evaluate_test`: touch the test split, once,
    at the end, and write the figures into the card.
    """

    name: str = Field(min_length=1)
    version: str = "1"
    seed: int = Field(0, ge=0, lt=2**31)
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "bf16-mixed"
    model: ModelPart
    targets: dict[str, TargetPart] = Field(min_length=1)
    distill: DistillPart | None = None
    augment: AugmentPart = AugmentPart()
    phases: list[PhasePart] = Field(min_length=1)
    optim: OptimPart = OptimPart()
    flip_average: bool = False
    protocol: ProtocolPart = ProtocolPart()
    select_on: Literal["validation", "test"] = "validation"
    allow_test_selection: bool = False
    evaluate_test: bool = True
    training_data: str = ""
    licence: str = ""

    @model_validator(mode="after")
    def _selects_on_validation(self) -> Recipe:
        if self.select_on == "test" and not self.allow_test_selection:
            raise ValueError(
                'select_on = "test" picks the best epoch on the rows that judge it. Select on "validation", or set '
                "allow_test_selection = true and have the card say so"
            )
        return self

    @property
    def epochs(self) -> int:
        """Epochs of all phases together."""
        return sum(phase.epochs for phase in self.phases)

    def size_at(self, epoch: int) -> int:
        """Side of the pictures, in pixels, in that epoch (from 0)."""
        for phase in self.phases:
            if epoch < phase.epochs:
                return phase.size
            epoch -= phase.epochs
        return self.phases[-1].size


def list_recipes() -> dict[str, Path]:
    """The recipes that ship in the package: name → file."""
    return {path.stem: path for path in sorted(RECIPES.glob("*.toml"))}


def load_recipe(name_or_path: str | Path, overrides: dict[str, str] | None = None) -> Recipe:
    """Read a shipped recipe by name, or a TOML file; `overrides` sets dotted keys ("optim.batch_size") to values written as in TOML.

    Raises
    ------
    UnknownNameError
        No recipe of that name.
    RecipeError
        Not TOML, an unknown key, or a value outside its range; the message lists every such place.
    """
    shipped = list_recipes()
    path = shipped.get(str(name_or_path), Path(name_or_path))
    if not path.is_file():
        raise UnknownNameError("recipe", name_or_path, shipped, hint="Or give the path of a TOML file.")
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is no TOML file: {error}.") from error
    for key, text in (overrides or {}).items():
        _override(data, key, text)
    return parse_recipe(data, f"recipe {name_or_path}")


def parse_recipe(data: dict[str, Any], where: str = "recipe") -> Recipe:
    """A checked recipe from plain values. Raises RecipeError."""
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        lines = "; ".join(_describe(dict(e)) for e in error.errors())
        raise RecipeError(f"{where}: {lines}.") from error


def _describe(error: dict[str, Any]) -> str:
    if not error["loc"]:  # a rule over several keys
        return str(error["msg"]).removeprefix("Value error, ")
    *parents, key = error["loc"]
    if error["type"] == "extra_forbidden":
        place = f"key of {'.'.join(map(str, parents))}" if parents else "key"
        return str(UnknownNameError(place, key, _part_at(error["loc"][:-1]).model_fields)).rstrip(".")
    key = ".".join(map(str, error["loc"]))
    return f"{key}: {error['msg']}, received {error.get('input')!r}"


def _part_at(loc: tuple[str | int, ...]) -> type[_Part]:
    parts: dict[str | int, type[_Part]] = {
        "model": ModelPart,
        "targets": TargetPart,
        "distill": DistillPart,
        "augment": AugmentPart,
        "phases": PhasePart,
        "optim": OptimPart,
        "protocol": ProtocolPart,
    }
    return parts[loc[0]] if loc else Recipe


def _override(data: dict[str, Any], key: str, text: str) -> None:
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *parents, last = key.split(".")
    for parent in parents:
        data = data.setdefault(parent, {})
        if not isinstance(data, dict):
            raise RecipeError(f"Can't set {key!r}: {parent!r} is a value, not a table. Set it whole, as TOML: --set {parent}=[…].")
    data[last] = value
