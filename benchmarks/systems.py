"""The published systems on their own data: measures finished runs, keeps what it finds, and makes the tables in docs/results.md.

    python benchmarks/systems.py record RUN... --data DATA [--name NAME] [--hardware TEXT]
    python benchmarks/systems.py table [--out docs/results.md]

A RUN is a folder that `mien train` has finished, or that holds several seeds of one recipe; --name makes one record of several RUNs. A
record is docs/training/systems/NAME.json (by default the folder's name), with the log of a network as NAME.csv: few bytes, where the
weights are megabytes. It keeps which pictures were answered rightly, so that records can be compared picture by picture without their
weights.

The test side was read once for each artifact, when its run ended; recording measures the same file again, and refuses one whose card says
otherwise. Times are taken of all RUNs of one call in turns, with miennet among them. Needs an idle machine for those.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from systems_table import RECORDS, section, spliced

import mien
from mien.artifact import Model, load_model
from mien.bench.measure import cores, hardware, load, measure
from mien.core.errors import MienError, OptionError, RecipeError, TrainingError
from mien.core.files import write_text
from mien.datasets.base import Dataset
from mien.evaluation.run import SplitEvaluation, evaluate
from mien.evaluation.scores import Evaluation
from mien.training.classical_recipe import ClassicalRecipe
from mien.training.data import load_sets
from mien.training.ensemble import Ensemble, Plan, finished, load_plan, runs_of
from mien.training.logs import Row, read_log
from mien.training.parts import ARTIFACT
from mien.training.recipe import Recipe, checked
from mien.training.run import Run

LOG_ROWS = 200
"""Epochs that a kept log holds at most; of longer ones every second, third …"""
AGREES = 0.002
"""By how much an accuracy may differ from the card's: another processor may turn a picture that two classes share."""


def record(runs: Mapping[str, Sequence[Path]], data: Path, hardware_said: str | None) -> dict[str, tuple[dict[str, Any], str]]:
    """The records, by name: their facts, and their logs as CSV."""
    busy = load()
    found = {name: _record(name, folders, data, hardware_said) for name, folders in runs.items()}
    models = {"miennet": load_model("miennet", threads=1)} | {
        name: load_model(folders[0] / ARTIFACT, threads=1) for name, folders in runs.items()
    }
    dataset = _dataset(plan_in(next(iter(runs.values()))[0]), data)
    crops = dataset.images[dataset.split == "test"]
    speeds = dict(zip(models, measure([model.predict for model in models.values()], crops, threads=1), strict=True))
    for name, (facts, _) in found.items():
        speed, other = speeds[name], speeds["miennet"]
        facts["speed"] = {
            "latency_ms": round(speed.latency_ms, 4),
            "latency_spread": [round(end, 4) for end in speed.latency_spread],
            "runs": speed.runs,
            "threads": 1,
            "miennet_ms": round(other.latency_ms, 4),
            "hardware": hardware(),
            "busy": busy is not None and busy > cores() / 2,
        }
    return found


def runs_in(folder: Path) -> list[Path]:
    """The folder of a run, or those of the seeds in it. Raises TrainingError."""
    seeds = [folder] if (folder / "recipe.json").is_file() else sorted(path.parent for path in folder.glob("seed-*/recipe.json"))
    if not seeds:
        raise TrainingError(f"{folder} is no folder of mien train: it holds no recipe.json. Give the --out of a run.")
    return seeds


def plan_in(folder: Path) -> Plan:
    """What the run in `folder` ran. Raises TrainingError for one that is not finished."""
    path = folder / "recipe.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise TrainingError(f"{path} is no JSON ({error}). Train again, into another --out.") from error
    kinds: dict[str, type[Ensemble | ClassicalRecipe]] = {"members": Ensemble, "classifier": ClassicalRecipe}
    plan: Plan = checked(next((kind for key, kind in kinds.items() if key in values), Recipe), values, str(path))
    if not finished(plan, folder):
        raise TrainingError(f"The run in {folder} is not finished. Go on with mien train … --out {folder} --resume, then record it.")
    return plan


def changes(plan: Plan) -> dict[str, list[Any]]:
    """Key → [shipped, run], for what was run otherwise than the shipped recipe of that name says; without seeds and texts."""
    shipped, run = (_flat(one.model_dump(mode="json")) for one in (load_plan(plan.name), plan))
    told = {key: [shipped.get(key), run.get(key)] for key in shipped | run}
    return {
        key: pair for key, pair in told.items() if pair[0] != pair[1] and key.rpartition(".")[2] not in ("seed", "training_data", "licence")
    }


def _flat(values: Any, path: str = "") -> dict[str, Any]:
    items = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else None
    if items is None:
        return {path: values}
    return {key: leaf for name, value in items for key, leaf in _flat(value, f"{path}.{name}" if path else str(name)).items()}


def _record(name: str, folders: Sequence[Path], data: Path, hardware_said: str | None) -> tuple[dict[str, Any], str]:
    plan, facts = plan_in(folders[0]), json.loads((folders[0] / "run.json").read_text(encoding="utf-8"))
    if hardware_said is None and facts["device"] != "cpu":
        raise OptionError(f"{folders[0]} was trained on {facts['device']}, which this machine can't name. Give it with --hardware.")
    told: dict[str, Any] = {}
    rows = [_run(folder, plan, data, told) for folder in folders]
    trained_on = {key: facts[key] for key in ("device", "threads", "mien", "torch", "python")}
    facts = {
        "name": name,
        "recipe": plan.name,
        "changes": changes(plan),
        "planned_epochs": load_plan(plan.name).epochs,
        **told,
        "trained_on": {"hardware": hardware_said or hardware().partition(", Python")[0], **trained_on},
        "measured_with": {"mien": mien.__version__},
        "runs": rows,
    }
    return facts, _log(folders, plan)


def _run(folder: Path, first: Plan, data: Path, told: dict[str, Any]) -> dict[str, Any]:
    """One run's figures; what it shares with the others of its record goes into `told`."""
    plan = plan_in(folder)
    if plan.name != first.name or changes(plan) != changes(first):
        raise RecipeError(f"{folder} ran another recipe than the runs beside it. One record holds one recipe with several seeds.")
    model, dataset = load_model(folder / ARTIFACT, threads=1), _dataset(plan, data)
    if "test" in model.card.selection.split():
        raise RecipeError(
            f'{folder} was selected on its test rows, so that its figures are not held out. Train with select_on = "validation".'
        )
    result = evaluate(model, dataset, "test")
    card = {entry["split"]: entry["overall"] for entry in model.card.metrics if entry["overall"]["label_set"] == model.labels.name}
    if "test" in card and abs(card["test"]["accuracy"] - result.overall.accuracy) > AGREES:
        raise TrainingError(
            f"{folder}: the card says {card['test']['accuracy']:.4f} on test, and here it is {result.overall.accuracy:.4f}. "
            "Give the data that it was trained with."
        )
    shared = _shared(model, dataset, result)
    if told and told != shared:
        raise RecipeError(f"{folder} was tested on other rows than the runs beside it. One record holds one split: leave folds out.")
    told |= shared
    logs = {name: Run(recipe, place, read_log(place)) for name, recipe, place in runs_of(plan, folder)}
    steps = json.loads((folder / "run.json").read_text(encoding="utf-8")).get("seconds", {})  # of a classical model
    return {
        "seed": plan.seed,
        "epochs": sum(len(run.history) for run in logs.values()),
        "best_epoch": [run.best["epoch"] for run in logs.values()],
        "seconds": round(sum(row["seconds"] for run in logs.values() for row in run.history) + sum(steps.values())),
        "sha256": model.card.sha256,
        "bytes": len(model.file),
        "validation": card["validation"]["accuracy"] if "validation" in card else None,
        "all": _figures(result.overall),
        "clean": None if result.clean is None else _figures(result.clean),
        "right": packed(result.predicted == result.targets),
    }


def _dataset(plan: Plan, data: Path) -> Dataset:
    """The rows of the plan's first head, divided by its protocol."""
    return next(iter(load_sets(plan.first if isinstance(plan, Ensemble) else plan, data).values()))


def _shared(model: Model, dataset: Dataset, result: SplitEvaluation) -> dict[str, Any]:
    pictures = np.ascontiguousarray(dataset.images[result.rows]).tobytes() + result.targets.tobytes()
    return {
        "dataset": dataset.name,
        "labels": dataset.labels.name,
        "protocol": {"name": dataset.origin.protocol, "leaks": dataset.origin.leaks},
        "parameters": model.card.parameters,
        "n": len(result.rows),
        "rows": hashlib.sha256(pictures).hexdigest(),
        "kept": packed(result.kept),
        "together": together(result.groups),
    }


def _figures(found: Evaluation) -> dict[str, Any]:
    ends = found.accuracy_interval
    return {
        "n": found.n,
        "accuracy": round(found.accuracy, 6),
        "interval": [round(ends.low, 6), round(ends.high, 6)],
        "macro_f1": round(found.macro_f1, 6),
        "log_loss": round(found.log_loss, 6),
        "ece": round(found.ece, 6),
        "of": {row.label: row.support for row in found.per_class},
        "right": dict(zip(found.labels, np.diag(found.confusion).tolist(), strict=True)),
    }


def packed(mask: NDArray[np.bool_]) -> str:
    """A mask (N,) as base64 of its bits, eight a byte."""
    return base64.b64encode(np.packbits(mask).tobytes()).decode()


def together(groups: NDArray[np.int64]) -> list[list[int]]:
    """The places of the rows of each group that has several."""
    order = np.argsort(groups, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    return sorted(part.tolist() for part in parts if len(part) > 1)


def _log(folders: Sequence[Path], plan: Plan) -> str:
    logs = {
        f"{plan_in(folder).seed} {name}": Run(recipe, place, read_log(place))
        for folder in folders
        for name, recipe, place in runs_of(plan, folder)
    }
    if not logs:
        return ""
    step = -(-sum(len(run.history) for run in logs.values()) // LOG_ROWS)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["run", *next(iter(logs.values())).history[0]])
    for name, run in logs.items():
        kept = [row for row in run.history if row["epoch"] % step == 0 or row is run.best or row is run.history[-1]]
        writer.writerows([name, *_short(row)] for row in kept)
    return text.getvalue()


def _short(row: Row) -> list[str]:
    return [f"{value:.4g}" for value in row.values()]


def as_text(facts: Mapping[str, Any]) -> str:
    """A record as JSON, one line a fact and a line a run."""
    lines = [f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in facts.items() if key != "runs"]
    runs = ",\n  ".join(json.dumps(run, ensure_ascii=False) for run in facts["runs"])
    return "{\n" + ",\n".join([*lines, f' "runs": [\n  {runs}\n ]']) + "\n}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=Path, default=RECORDS)
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record")
    recording.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    recording.add_argument("--data", type=Path, required=True)
    recording.add_argument("--name", help="make one record of all RUNs")
    recording.add_argument("--hardware", help="what the runs were trained on; default: the processor of this machine, for runs on a CPU")
    commands.add_parser("table").add_argument("--out", type=Path, default=Path("docs/results.md"))
    asked = parser.parse_args()
    try:
        if asked.command == "table":
            write_text(asked.out, spliced(asked.out, section(asked.records)))
            print(f"Wrote {asked.out}")
            return
        folders = {path.resolve().name: runs_in(path) for path in asked.runs}
        if len(folders) < len(asked.runs):
            raise OptionError("Two RUNs have folders of one name, which would be one record. Record them one by one, or give --name.")
        named = {asked.name: [run for runs in folders.values() for run in runs]} if asked.name else folders
        for name, (facts, log) in record(named, asked.data, asked.hardware).items():
            if log:
                write_text(asked.records / f"{name}.csv", log)
            write_text(asked.records / f"{name}.json", as_text(facts))
            print(f"Wrote {asked.records / name}.json")
    except MienError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
