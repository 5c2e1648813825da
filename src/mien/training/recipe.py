"""Recipes: one experiment in one TOML file, every key and value checked."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar, get_args

from pydantic import Field, ValidationError, model_validator

from mien.core.errors import RecipeError, UnknownNameError
from mien.training.classical_recipe import ClassicalRecipe
from mien.training.experiment import Experiment
from mien.training.parts import (
    DESCRIBER,
    NETWORK,
    AugmentPart,
    AutoencoderPart,
    DistillPart,
    FeaturesPart,
    ModelPart,
    NoisePart,
    OptimPart,
    Part,
    PenaltyPart,
    PhasePart,
    RatePart,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

AnyPart = TypeVar("AnyPart", bound=Part)
RECIPES = Path(__file__).resolve().parent.parent / "recipes"


class Recipe(Experiment):
    """All of one experiment with a network.

    `targets`: head name → what it learns; the first is the model's default. The pictures are those of the first target's data set; the
    others must label the same rows. Training rows that say nothing to any head are left out. The best epoch is the one with the highest
    mean accuracy over the heads on the split `select_on`. `precision` "auto": bf16 where the device is faster in it, else float32.
    `compile`: by torch.compile, which takes a minute and a C++ compiler on a CPU, and pays for long runs; "reduce-overhead" has its CUDA
    graphs too, for small networks on large cards. `flip_average`: the artifact averages each picture with its mirror image;
    `shift_average`: with its copies shifted by so many pixels up, down, left and right (test-time crops); with both, ten views. `features`:
    for a network that takes handcrafted ones beside pictures; learnt from the training pictures as they are before augmentation.
    `autoencoder`: how its encoder is trained first, where no earlier run has one. `start_from`: the folder of an earlier run of the same
    architecture, whose weights it starts with, save for those of layers of another shape, as other heads'; an empty one is none.

    `sequence`: the network reads sequences; `features`, then "network" with a `model` and a `layer`, describe their frames, and without it
    the network looks at the frames itself.
    """

    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = "auto"
    compile: bool | Literal["reduce-overhead"] = False
    model: ModelPart
    start_from: str | None = None
    features: FeaturesPart | None = None
    autoencoder: AutoencoderPart | None = None
    distill: DistillPart | None = None
    augment: AugmentPart = AugmentPart()
    noise: NoisePart = NoisePart()
    phases: list[PhasePart] = Field(min_length=1)
    optim: OptimPart = OptimPart()
    rates: list[RatePart] = Field(default_factory=list)
    penalties: list[PenaltyPart] = Field(default_factory=list)
    flip_average: bool = False
    shift_average: int = Field(0, ge=0, le=8)

    @model_validator(mode="after")
    def _reads_pictures_or_sequences(self) -> Recipe:
        described = self.features is not None and self.features.name == NETWORK
        if self.sequence is None and described:
            raise ValueError("features of a network are for classical models and for frames of sequences. Give sequence, or leave it out")
        if self.sequence is None:
            return self
        parts: dict[str, object] = {"features": self.features and not described, "autoencoder": self.autoencoder, "distill": self.distill}
        parts |= {"preprocess.saliency": self.preprocess.saliency, "protocol.tinted": self.protocol.tinted}
        parts |= {"protocol.drop_twins": self.protocol.drop_twins}
        parts |= {"augment.mixup": self.augment.mixup, "augment.cutmix": self.augment.cutmix, "compile": self.compile}
        parts |= {"flip_average": self.flip_average, "shift_average": self.shift_average, "noise": self.noise != NoisePart()}
        if wrong := [name for name, value in parts.items() if value]:
            raise ValueError(f"a recipe of sequences takes no {', '.join(wrong)}; features are those of a network. Leave it out")
        return self

    @property
    def teachers(self) -> list[str]:
        """Names or paths of the models that it learns from: teachers, and those whose saliency or layer it takes."""
        layer = [self.features.options.get("model", DESCRIBER)] if self.sequence and self.features else []
        taught = self.distill.artifacts if self.distill else ()
        return [*taught, *filter(None, [self.preprocess.saliency]), *layer]

    @property
    def picture_size(self) -> int:
        """Side in pixels of the pictures that the model sees in use: that of the last phase."""
        return self.phases[-1].size

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


@cache
def list_recipes() -> Mapping[str, Path]:
    """The recipes that ship in the package: name → file."""
    return MappingProxyType({path.stem: path for path in sorted(RECIPES.glob("*.toml"))})


def load_recipe(name_or_path: str | Path, overrides: dict[str, str] | None = None) -> Recipe:
    """Read a shipped recipe by name, or a TOML file; `overrides` sets dotted keys ("optim.batch_size") to values written as in TOML.

    A recipe may begin with `base`, a shipped recipe's name or a file beside it: it is that recipe, save for what it says itself. Tables are
    joined key by key; `targets` and lists are replaced whole.

    Raises
    ------
    UnknownNameError
        No recipe of that name.
    RecipeError
        Not TOML, a base that leads back to itself, an unknown key, or a value outside its range; the message lists every such place. Or the
        recipe is of no network.
    """
    loaded = load_experiment(name_or_path, overrides)
    if not isinstance(loaded, Recipe):
        raise RecipeError(f"{name_or_path} is the recipe of a classical model, and one of a network is asked for. Name another.")
    return loaded


def load_experiment(name_or_path: str | Path, overrides: dict[str, str] | None = None) -> Recipe | ClassicalRecipe:
    """The same for a recipe of a network or, where it has a table `classifier`, of a classical model."""
    data = recipe_values(find_recipe(name_or_path))
    if "members" in data:
        raise RecipeError(f"{name_or_path} is an ensemble, and one recipe is asked for. Name one of its members: {data['members']}.")
    for key, text in (overrides or {}).items():
        _override(data, key, text)
    where = f"recipe {name_or_path}"
    return checked(ClassicalRecipe, data, where) if "classifier" in data else checked(Recipe, data, where)


def find_recipe(name_or_path: str | Path, beside: Path | None = None) -> Path:
    """The file of a shipped recipe's name, or the path itself, from the folder `beside` on. Raises UnknownNameError."""
    shipped = list_recipes()
    path = shipped.get(str(name_or_path), (beside or Path()) / name_or_path)
    if not path.is_file():
        where = "" if beside is None else f", from the folder {beside} on"
        raise UnknownNameError("recipe", name_or_path, shipped, hint=f"Or give the path of a TOML file{where}.")
    return path


def recipe_values(path: Path, seen: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The values of a file, unchecked, on top of those of its base. Raises RecipeError."""
    if path.resolve() in seen:
        raise RecipeError(f"The recipe {path} is its own base, by way of {' → '.join(p.name for p in seen)}. Name another base.")
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors put a mark at the beginning
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is no TOML file: {error}.") from error
    base = data.pop("base", None)
    if base is None:
        return data
    if not isinstance(base, str):
        raise RecipeError(f"{path}: base is the name or the path of a recipe; received {base!r}.")
    return _joined(recipe_values(find_recipe(base, path.parent), (*seen, path.resolve())), data)


def _joined(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    both = {
        key: _joined(base[key], value)
        for key, value in own.items()
        if key != "targets" and isinstance(value, dict) and isinstance(base.get(key), dict)
    }
    return {**base, **own, **both}


def parse_recipe(data: dict[str, Any], where: str = "recipe") -> Recipe:
    """A checked recipe from plain values. Raises RecipeError."""
    return checked(Recipe, data, where)


def checked(part: type[AnyPart], data: dict[str, Any], where: str = "recipe") -> AnyPart:
    """A checked `part` from plain values. Raises RecipeError; the message lists every key and value that can't be."""
    try:
        return part.model_validate(data)
    except ValidationError as error:
        faults: dict[tuple[str | int, ...], list[dict[str, Any]]] = {}
        for fault in map(dict, error.errors()):
            faults.setdefault(_place(fault, data), []).append(fault)
        lines = "; ".join(_describe(place, found, part) for place, found in faults.items())
        raise RecipeError(f"{where}: {lines}.") from error


def _place(fault: dict[str, Any], data: Any) -> tuple[str | int, ...]:
    """Where in `data` a fault is: pydantic's path without the names that it gives the sides of a union, which each have a fault there."""
    path: tuple[str | int, ...] = fault["loc"]
    for depth, step in enumerate(path):
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return path if fault["type"] == "missing" else path[:depth]
    return path


def _describe(place: tuple[str | int, ...], faults: list[dict[str, Any]], whole: type[Part]) -> str:
    told = " or ".join(str(fault["msg"]).removeprefix("Value error, ") for fault in faults)
    if not place:  # a rule over several keys
        return told
    *parents, key = place
    if faults[0]["type"] == "extra_forbidden":
        where = f"key of {'.'.join(map(str, parents))}" if parents else "key"
        return str(UnknownNameError(where, str(key), _part_at(place[:-1], whole).model_fields)).rstrip(".")
    return f"{'.'.join(map(str, place))}: {told.replace(' or Input should be', ', or')}, received {faults[0].get('input')!r}"


def _part_at(loc: tuple[str | int, ...], whole: type[Part]) -> type[Part]:
    """The part that a key of that place belongs to: the first of the fields of the `whole` on the way there says which."""
    if not loc:
        return whole
    annotation = whole.model_fields[str(loc[0])].annotation
    parts = [t for t in (annotation, *get_args(annotation)) if isinstance(t, type) and issubclass(t, Part)]
    return parts[0]


def _override(data: dict[str, Any], key: str, text: str) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        data = data.setdefault(parent, {})
        if not isinstance(data, dict):
            raise RecipeError(f"Can't set {key!r}: {parent!r} is a value, not a table. Set it whole, as TOML: --set {parent}=[…].")
    data[last] = toml_value(text)


def toml_value(text: str) -> Any:
    """The value that TOML reads in `text`; else the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
