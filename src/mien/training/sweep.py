"""The same recipe with several values of one key, or of several keys: all combinations of them.

Each value has a folder of its own in the common one, with a folder in it for each seed or fold where there are several; it ends with

summary.json           the figures of each value, and the best one on validation
comparison.png         the learning curves of all values, and the accuracy against the value
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from mien.card import Card
from mien.core.errors import OptionError
from mien.evaluation.seeds import over_runs
from mien.training.comparison import Figures, draw_comparison
from mien.training.ensemble import folder_name, load_plan, runs_of
from mien.training.logs import read_log
from mien.training.recipe import toml_value
from mien.training.repeat import Repetition, repeat, repetitions, summarised
from mien.training.run import Progress

COMPARISON = "comparison.png"

Done = Sequence[tuple[Repetition, Card]]


def swept(
    name_or_path: str | Path,
    sweeps: Mapping[str, str],
    data_dir: str | Path,
    folder: str | Path,
    *,
    overrides: Mapping[str, str] | None = None,
    seeds: int | None = None,
    folds: bool = False,
) -> list[Repetition]:
    """The runs of a recipe, or an ensemble, for every combination of the values of `sweeps`.

    `sweeps`: dotted key → values written as in TOML and parted by commas, "50,100" or "[1, 2],[3]". `overrides` as in `load_plan`; `seeds`
    and `folds` as in `repetitions`, for every value.

    Raises
    ------
    OptionError
        A key with fewer than two values, with the same one twice, or that `overrides`, `seeds` or `folds` set too.
    RecipeError
        A value that the recipe does not take.
    """
    taken = {*(overrides or {}), *(["seed"] if seeds is not None else []), *(["protocol.fold"] if folds else [])}
    if both := taken.intersection(sweeps):
        raise OptionError(f"{both.pop()!r} is swept over and set at once. Leave one of them out.")
    choices = [[(key, text) for text in split_values(key, texts)] for key, texts in sweeps.items()]
    runs: list[Repetition] = []
    for point in product(*choices):
        values = {key: toml_value(text) for key, text in point}
        name = ", ".join(f"{key} = {_shown(value)}" for key, value in values.items())
        plan = load_plan(name_or_path, {**(overrides or {}), **dict(point)})
        place = Path(folder) / "-".join(_place(key, _shown(value)) for key, value in values.items())
        if seeds is None and not folds:
            runs.append(Repetition(name, plan, place, values))
            continue
        repeated = repetitions(plan, data_dir, place, seeds=seeds or 1, folds=folds)
        runs += [replace(run, name=f"{name}, {run.name}", values=values) for run in repeated]
    return runs


def split_values(key: str, texts: str) -> list[str]:
    """The values in "50,100": parted at the commas outside brackets and quotes. Raises OptionError for fewer than two, or equal ones."""
    parts, depth, quote = [""], 0, ""
    for sign in texts:
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        else:
            depth += (sign in "[{") - (sign in "]}")
        if sign == "," and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += sign
    parts = [part.strip() for part in parts]
    values = [toml_value(part) for part in parts]
    if len(parts) < 2 or "" in parts or any(value in values[:number] for number, value in enumerate(values)):
        raise OptionError(f"A sweep takes two values or more, each once, parted by commas; received {key}={texts}. Try {key}=A,B.")
    return parts


def sweep(
    runs: Sequence[Repetition],
    data_dir: str | Path,
    folder: str | Path,
    *,
    resume: bool = False,
    tensorboard: bool = False,
    on_run: Callable[[int, Repetition], None] | None = None,
    on_epoch: Progress | None = None,
) -> dict[str, Any]:
    """Train the `runs` that `swept` gave, as `repeat` does, draw `folder`/comparison.png, and give the summary as `compared` has it."""
    summary = repeat(runs, data_dir, folder, resume=resume, tensorboard=tensorboard, on_run=on_run, on_epoch=on_epoch, summarise=compared)
    histories: dict[str, list[list[dict[str, Any]]]] = {value["name"]: [] for value in summary["values"]}
    for run in runs:
        histories[_told(run.values)] += [read_log(place) for _, _, place in runs_of(run.recipe, run.folder)]
    draw_comparison(histories, Path(folder) / COMPARISON, split=runs[0].recipe.select_on, figures=_figures(summary))
    return summary


def compared(done: Done, planned: int, folder: Path) -> dict[str, Any]:
    """Figures of the runs that are `done`, of `planned` ones, by value, as plain JSON values.

    "values": for each combination its "values", its "summary" as `summarised` has it, and "accuracy", split → how the mean accuracy over
    the heads moves over its runs. "best": the combination with the highest one on validation, the first of equals; None where no run has a
    validation split. What is found on other splits never decides.
    """
    whole = summarised(done, planned, folder)
    groups: dict[str, list[tuple[Repetition, Card]]] = {}
    for run, card in done:
        groups.setdefault(_told(run.values), []).append((run, card))
    values = [
        {
            "name": name,
            "values": group[0][0].values,
            "accuracy": {split: over_runs(found).to_dict() for split, found in _accuracies(group).items()},
            "summary": summarised(group, len(group), folder)["summary"],
        }
        for name, group in groups.items()
    ]
    judged = [value for value in values if "validation" in value["accuracy"]]
    best = max(judged, key=lambda value: value["accuracy"]["validation"]["mean"], default=None)
    chosen = best and {"name": best["name"], "values": best["values"], "split": "validation", **best["accuracy"]["validation"]}
    return {key: value for key, value in whole.items() if key not in ("summary", "runs")} | {
        "swept": list(done[0][0].values),
        "best": chosen,
        "values": values,
        "runs": whole["runs"],
    }


def _accuracies(group: Done) -> dict[str, list[float]]:
    """Split → mean accuracy over the heads, of each run."""
    found: dict[str, list[float]] = {}
    for _, card in group:
        for split in dict.fromkeys(metric["split"] for metric in card.metrics):
            heads = [metric["overall"]["accuracy"] for metric in card.metrics if metric["split"] == split]
            found.setdefault(split, []).append(sum(heads) / len(heads))
    return {split: values for split, values in found.items() if len(values) == len(group)}


def _figures(summary: dict[str, Any]) -> Figures:
    keys, values = summary["swept"], summary["values"]
    numbers = [value["values"][keys[0]] for value in values]
    numeric = len(keys) == 1 and all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers)
    splits = [split for split in values[0]["accuracy"] if all(split in value["accuracy"] for value in values)]
    series = {split: [_spread(value["accuracy"][split]) for value in values] for split in splits}
    names = [", ".join(map(_shown, value["values"].values())) for value in values]
    return Figures(", ".join(keys), names, numbers if numeric else None, series)


def _spread(figure: dict[str, Any]) -> tuple[float, float, float]:
    interval = figure["interval"] or {"low": figure["mean"], "high": figure["mean"]}
    return figure["mean"], interval["low"], interval["high"]


def _told(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} = {_shown(value)}" for key, value in values.items())


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def _place(key: str, text: str) -> str:
    """A name for a folder; one that does not hold the value as it is ends in the value's hash, so that no two are alike."""
    name = folder_name(text)
    return f"{key}-{text}" if name == text and len(text) < 60 else f"{key}-{name[:40]}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"
