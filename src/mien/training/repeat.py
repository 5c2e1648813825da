"""The same recipe, or ensemble, several times over: with several seeds, over all folds of its protocol, or both.

Each run has a folder of its own in the common one, which ends with

summary.json           each run's figures, and their mean, standard deviation and 95 % interval
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mien.artifact import read_card
from mien.card import Card
from mien.core.errors import TrainingError
from mien.core.files import write_text
from mien.evaluation.seeds import FIGURES, over_runs
from mien.training.data import plan_of, read_target
from mien.training.ensemble import Ensemble, Plan, finished, naming, train_plan, varied
from mien.training.experiment import Experiment
from mien.training.parts import ARTIFACT
from mien.training.run import Progress

SUMMARY = "summary.json"


@dataclass(frozen=True)
class Repetition:
    """One of several runs: its `recipe`, with seed and fold filled in, its `folder`, and its `name`, as "seed 3, fold 2 of 5".

    `values`: what it differs in from the runs beside it in a sweep, by key.
    """

    name: str
    recipe: Plan
    folder: Path
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Whether the folder holds the whole run of this recipe."""
        return finished(self.recipe, self.folder)


def repetitions(recipe: Plan, data_dir: str | Path, folder: str | Path, *, seeds: int = 1, folds: bool = False) -> list[Repetition]:
    """The runs of `recipe` with `seeds` seeds, counted up from its own, and with `folds` on every fold of its protocol.

    The seed of the split stays as it is: the folds are the same for every seed. Raises as `make_split` and `load_dataset` do, and
    TrainingError for less than one seed.
    """
    if seeds < 1:
        raise TrainingError(f"A recipe is run with at least one seed; received {seeds}. Raise --seeds.")
    names = _fold_names(recipe.first if isinstance(recipe, Ensemble) else recipe, data_dir) if folds else [None]
    runs = []
    for shift in range(seeds):
        for number, fold in enumerate(names, 1):
            run = varied(recipe, shift, fold)
            parts, place = [f"seed {run.seed}"], f"seed-{run.seed}"
            if fold is not None:
                parts.append(f"fold {fold}")
                place += f"-fold-{number}" + ("" if " of " in fold else "-" + re.sub(r"[^\w.-]+", "-", fold))
            runs.append(Repetition(", ".join(parts), run, Path(folder) / place))
    return runs


def repeat(
    runs: Sequence[Repetition],
    data_dir: str | Path,
    folder: str | Path,
    *,
    resume: bool = False,
    tensorboard: bool = False,
    on_run: Callable[[int, Repetition], None] | None = None,
    on_epoch: Progress | None = None,
    summarise: Callable[[Sequence[tuple[Repetition, Card]], int, Path], dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Train the `runs` one after the other and give their summary, which `folder`/summary.json holds too, after each of them.

    `resume` goes on where an earlier call stopped: finished runs are read, and an unfinished one goes on. `on_run` gets the number of a
    run, from 0, and the run; `on_epoch` and `tensorboard` as in `train`. `summarise` makes the summary, by default `summarised`.

    Raises
    ------
    TrainingError
        The folder holds a single run, or these runs and `resume` is not given; else as `train`.
    """
    if (Path(folder) / "recipe.json").is_file():
        raise TrainingError(f"{folder} holds a single run, not several. Give another --out.")
    done: list[tuple[Repetition, Card]] = []
    for number, run in enumerate(runs):
        if on_run is not None:
            on_run(number, run)
        if not (resume and run.finished):
            with naming(run.name):
                train_plan(run.recipe, data_dir, run.folder, resume=resume, tensorboard=tensorboard, on_epoch=on_epoch)
        done.append((run, read_card(run.folder / ARTIFACT)))
        summary = (summarise or summarised)(done, len(runs), Path(folder))
        write_text(Path(folder) / SUMMARY, json.dumps(summary, indent=2) + "\n")
    return summary


def summarised(done: Sequence[tuple[Repetition, Card]], planned: int, folder: Path) -> dict[str, Any]:
    """Figures of the runs that are `done`, of `planned` ones in `folder`, as plain JSON values.

    "runs": name, folder, seed, fold and the figures of each. "summary": for each data set, split and label set, how each figure moves over
    the runs (`mien.evaluation.seeds`), and "pooled", the accuracy over the images of all runs together.
    """
    keys = list(dict.fromkeys(_key(metric) for _, card in done for metric in card.metrics))
    return {
        "recipe": done[0][0].recipe.name,
        "runs_done": len(done),
        "runs_planned": planned,
        "selection": done[0][1].selection,
        "protocol": done[0][1].origin.protocol,
        "leaks": sorted({card.origin.leaks for _, card in done if card.origin.leaks}),
        "summary": [_over(key, [metric for _, card in done for metric in card.metrics if _key(metric) == key]) for key in keys],
        "runs": [
            {
                "name": run.name,
                "folder": run.folder.relative_to(folder).as_posix(),
                "seed": run.recipe.seed,
                "fold": card.origin.fold,
                "figures": [dict(zip(_PLACE, _key(m), strict=True)) | _plain(m["overall"]) for m in card.metrics],
            }
            for run, card in done
        ],
    }


_PLACE = ("dataset", "split", "label_set")


def _key(metric: dict[str, Any]) -> tuple[str, str, str]:
    return metric["dataset"], metric["split"], metric["overall"]["label_set"]


def _plain(overall: dict[str, Any]) -> dict[str, Any]:
    return {"n": overall["n"], **{figure: overall[figure] for figure in FIGURES if overall.get(figure) is not None}}


def _over(key: tuple[str, str, str], metrics: Sequence[dict[str, Any]]) -> dict[str, Any]:
    rows = [_plain(metric["overall"]) for metric in metrics]
    figures = {name: over_runs([row[name] for row in rows]).to_dict() for name in FIGURES if all(name in row for row in rows)}
    clean = [metric["clean"]["accuracy"] for metric in metrics if metric["clean"] is not None]
    if len(clean) == len(metrics):
        figures["clean_accuracy"] = over_runs(clean).to_dict()
    confusion = np.sum([metric["overall"]["confusion"] for metric in metrics], axis=0)
    pooled = {"n": int(confusion.sum()), "accuracy": float(np.trace(confusion) / confusion.sum())}
    held_out = all(metric.get("held_out", True) for metric in metrics)
    return {**dict(zip(_PLACE, key, strict=True)), "held_out": held_out, "figures": figures, "pooled": pooled}


def _fold_names(recipe: Experiment, data_dir: str | Path) -> Iterable[str]:
    whole = recipe.model_copy(update={"protocol": recipe.protocol.model_copy(update={"fold": None})})
    names = [fold.name for fold in plan_of(whole, read_target(whole, next(iter(whole.targets)), data_dir)).folds]
    if len(names) < 2:
        raise TrainingError(f"The protocol {recipe.protocol.name} has one fold only. Leave --folds out, or choose a protocol with folds.")
    return names
