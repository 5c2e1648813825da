"""What a campaign runs: stages of units, each of them a recipe with some changes and a seed. Read from TOML; see docs/campaign.md."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any, Literal

from pydantic import Field, model_validator

from mien.core.errors import RecipeError
from mien.core.files import write_text
from mien.training.parts import Part
from mien.training.recipe import Recipe, checked, find_recipe, parse_recipe, recipe_values

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

UNIT = "unit.json"
MARGIN = 0.001
"""The least mean gain in accuracy, over the seeds, for which a change is adopted; it has to be above twice its standard error too."""

Changes = dict[str, Any]
Figures = dict[str, Any]


class Stage(Part):
    """A stage: `units` by name, each the `recipe` with its changes, a dotted key → value, beside those in `set`, for each of the `seeds`.

    `base`: the unit that the others are compared with. `decides`: what later stages may adopt: "each" change that gains by itself, or the
    one "best" unit. `adopt`: earlier stages whose decisions this one takes over. `export`: its runs end in artifacts; `fuse`: which are
    joined into one. `teachers`: the earlier stage whose runs teach this one's.
    """

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    recipe: str
    units: dict[str, Changes] = Field(min_length=1)
    set: Changes = Field(default_factory=dict)
    seeds: list[int] | None = Field(None, min_length=1)
    base: str | None = None
    decides: Literal["each", "best"] | None = None
    adopt: list[str] = Field(default_factory=list)
    export: bool = False
    fuse: bool = False
    teachers: str | None = None


class Campaign(Part):
    """A plan: its stages in their order, and what holds for all of them.

    `workers`: units that are trained side by side, in as many processes. `keep_seconds`: see `mien.training.run.train`.
    """

    stages: list[Stage] = Field(min_length=1)
    seeds: list[int] = Field([0, 1, 2], min_length=1)
    set: Changes = Field(default_factory=dict)
    workers: int = Field(1, ge=1, le=64)
    keep_seconds: float = Field(0.0, ge=0)

    @model_validator(mode="after")
    def _names_what_is_there(self) -> Campaign:
        seen: dict[str, Stage] = {}
        for stage in self.stages:
            earlier = [*stage.adopt, *([stage.teachers] if stage.teachers else [])]
            if unknown := [name for name in earlier if name not in seen]:
                raise ValueError(f"stage {stage.name} names {unknown[0]!r}, which is no earlier stage")
            if stage.base is not None and stage.base not in stage.units:
                raise ValueError(f"stage {stage.name} has no unit {stage.base!r} to be its base")
            if stage.decides and stage.base is None:
                raise ValueError(f"stage {stage.name} decides by the gain over a base, and names none")
            if (stage.fuse and not stage.export) or (stage.teachers and not seen[stage.teachers].export):
                raise ValueError(f"stage {stage.name} fuses or learns from artifacts, which take export = true")
            seen[stage.name] = stage
        return self


@dataclass(frozen=True)
class Unit:
    """One run of a campaign, in `folder`; `members` are the folders that a fused one joins."""

    stage: str
    name: str
    recipe: Recipe
    folder: Path
    export: bool
    members: tuple[Path, ...] = ()

    @property
    def figures(self) -> Figures | None:
        """What was measured of it, or None while it is not finished."""
        path = self.folder / UNIT
        found: Figures | None = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
        return found


def read_campaign(path: Path) -> Campaign:
    """The plan in a TOML file. Raises RecipeError."""
    try:
        return checked(Campaign, tomllib.loads(path.read_text(encoding="utf-8")), str(path))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"The plan {path} can't be read ({error}). Give --plan cpu, gpu, or a TOML file.") from error


def units_of(plan: Campaign, stage: Stage, out: Path) -> list[Unit]:
    """The runs of a stage, all units of one seed before those of the next, so that whenever time ends what is done can be compared."""
    common = {**plan.set, **_adopted(plan, stage, out), **stage.set}
    if stage.teachers is not None:
        taught = units_of(plan, next(one for one in plan.stages if one.name == stage.teachers), out)
        common["distill.teachers"] = [str(unit.folder) for unit in taught if not unit.members]
    units = []
    for seed in stage.seeds or plan.seeds:
        for name, changes in stage.units.items():
            own = str(changes.get("recipe", stage.recipe))
            changed = {**common, **{key: value for key, value in changes.items() if key != "recipe"}, "seed": seed}
            recipe = changed_recipe(own, changed)
            units.append(Unit(stage.name, name, recipe, out / stage.name / name / f"seed-{seed}", stage.export))
    if stage.fuse:
        members = tuple(unit.folder for unit in units)
        units.append(Unit(stage.name, "ensemble", units[0].recipe, out / stage.name / "ensemble", True, members))
    return units


def changed_recipe(name: str, changes: Mapping[str, Any]) -> Recipe:
    """The recipe `name` with each dotted key set to its value. PrivateTest is never read by it. Raises RecipeError."""
    values = deepcopy(recipe_values(find_recipe(name)))
    for key, value in {**changes, "evaluate_test": False}.items():
        *parents, last = key.split(".")
        table = values
        for parent in parents:
            table = table.setdefault(parent, {})
        table[last] = value
    return parse_recipe(values, f"recipe {name} with {dict(changes)}")


def gains(stage: Stage, units: Sequence[Unit]) -> dict[str, list[float]]:
    """Unit → what it gains in accuracy over the base, in the mean of the heads that both have, for each seed that both have finished."""
    found = {(unit.name, unit.recipe.seed): _accuracies(told) for unit in units if (told := unit.figures) and "score" in told}
    seeds = sorted({seed for _, seed in found})
    return {
        name: [
            _gain(found[name, seed], found[str(stage.base), seed]) for seed in seeds if {(name, seed), (stage.base, seed)} <= found.keys()
        ]
        for name in stage.units
        if name != stage.base
    }


def _accuracies(told: Figures) -> dict[str, float]:
    return {key: value for key, value in told.items() if key.startswith("accuracy_")}


def _gain(own: Mapping[str, float], base: Mapping[str, float]) -> float:
    return mean(own[key] - base[key] for key in own.keys() & base.keys())


def worth_it(values: Sequence[float]) -> bool:
    """Whether a mean gain over three seeds or more is above MARGIN and twice its standard error."""
    return len(values) >= 3 and mean(values) > max(MARGIN, 2 * stdev(values) / len(values) ** 0.5)


def _adopted(plan: Campaign, stage: Stage, out: Path) -> Changes:
    changes: Changes = {}
    for name in stage.adopt:
        changes |= decided(plan, next(one for one in plan.stages if one.name == name), out)
    return changes


def decided(plan: Campaign, stage: Stage, out: Path) -> Changes:
    """The changes that a stage's figures speak for. They are kept in OUT/STAGE/decided.json, and are not asked for again."""
    path = out / stage.name / "decided.json"
    if path.is_file():
        kept: Changes = json.loads(path.read_text(encoding="utf-8"))["changes"]
        return kept
    found = gains(stage, units_of(plan, stage, out))
    good = sorted((name for name, values in found.items() if worth_it(values)), key=lambda name: mean(found[name]))
    chosen = good[-1:] if stage.decides == "best" else good if stage.decides == "each" else []
    changes = {key: value for name in chosen for key, value in stage.units[name].items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps({"units": chosen, "changes": changes, "gains": found}, indent=2) + "\n")
    return changes
