"""The campaign for the strongest model of its size: runs the units of a plan, as far as the time goes, and says what each trick gave.

    python benchmarks/campaign.py run DATA --plan gpu --out runs/gpu [--minutes 9] [--stages NAME…] [--workers N]
    python benchmarks/campaign.py table --plan gpu --out runs/gpu [--into docs/training.md]
    python benchmarks/campaign.py ship DATA --unit runs/gpu/students/s [--form int8 flip] [--to s.onnx]

Plans: benchmarks/campaign_gpu.toml (one accelerator), benchmarks/campaign_cpu.toml (two cores, a day), or a file of your own. A unit is a
run folder of mien.training.run, OUT/STAGE/UNIT/seed-N. What is finished is never repeated, and what was stopped or killed goes on from its
last checkpoint, on this machine or, with the same relative OUT, on another. All is selected on PublicTest; `ship` reads PrivateTest, once
for a unit. Every call ends with OUT/campaign.csv, a row a unit, and OUT/campaign.md, the tables.

On a machine that nothing can be fetched to, with PyTorch, torchvision, onnx, onnxruntime, onnxscript, safetensors, OpenCV, pandas,
matplotlib, scikit-learn, scikit-image and rich, five more travel as wheels, 3.0 MB in all, in a folder that git ignores:

    pip download --no-deps --only-binary=:all: --python-version 3.12 --implementation cp --platform manylinux2014_x86_64 -d .whl \\
        pydantic==2.14.3 pydantic-core==2.50.4 annotated-types==0.8.0 typing-inspection==0.4.5 lightning-fabric==2.6.6
    pip install --no-index --no-deps --target /tmp/site .whl/*.whl && export PYTHONPATH=/tmp/site:src

campaign_carry.py packs the pictures, without those of PrivateTest, and what a call has made into few files that travel. FER2013 as a
Parquet file takes fastparquet and cramjam besides; that pack does not.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import torch
from campaign_plan import UNIT, Campaign, Figures, Unit, read_campaign, units_of
from campaign_table import log, tables
from documents import into

from mien.core.errors import MienError, OptionError, TrainingError
from mien.core.files import write_text
from mien.training.data import load_sets, prepared, split_of
from mien.training.ensemble import finished
from mien.training.export import averaging, conclude
from mien.training.fuse import fused
from mien.training.network import best_of
from mien.training.parts import ARTIFACT
from mien.training.remake import remake
from mien.training.run import Run, train, validate

HERE = Path(__file__).resolve().parent
VIEWS: dict[str, dict[str, Any]] = {"flip": {"flip_average": True}, "flip+shift": {"flip_average": True, "shift_average": 2}}
"""What an average over views of each picture gives without training anything again."""


class OutOfTimeError(Exception):
    """The minutes of this call are over; the run's checkpoint stays."""


def run(plan: Campaign, data: Path, out: Path, minutes: float | None, only: Sequence[str], say: Callable[[str], None] = print) -> bool:
    """Go on with the plan, stage by stage, until all is done (True) or the time is over."""
    deadline = None if minutes is None else time.time() + 60 * minutes
    for stage in plan.stages:
        if only and stage.name not in only:
            continue
        units = units_of(plan, stage, out)
        waiting = [unit for unit in units if unit.figures is None]
        say(f"{stage.name}: {len(units) - len(waiting)} of {len(units)} units are finished")
        work_off([unit for unit in waiting if not unit.members], plan, data, deadline, say)
        for unit in waiting:
            if unit.members and all((member / ARTIFACT).is_file() for member in unit.members) and in_time(deadline):
                join(unit, data)
        if any(unit.figures is None for unit in units):
            return False
    return True


def in_time(deadline: float | None) -> bool:
    return deadline is None or time.time() < deadline


def work_off(units: Sequence[Unit], plan: Campaign, data: Path, deadline: float | None, say: Callable[[str], None]) -> None:
    """Train the units in their order, `plan.workers` at a time, each in a process of its own where there are several."""
    if plan.workers == 1:
        for unit in units:
            if in_time(deadline):
                say(work(unit, data, plan.keep_seconds, deadline, 0))
        return
    threads = max(1, (os.cpu_count() or 1) // plan.workers)
    with ProcessPoolExecutor(plan.workers, multiprocessing.get_context("spawn")) as pool:
        try:
            for told in [pool.submit(work, unit, data, plan.keep_seconds, deadline, threads) for unit in units]:
                say(told.result())
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def work(unit: Unit, data: Path, keep_seconds: float, deadline: float | None, threads: int) -> str:
    """Train one unit, or go on with it, and measure it; gives a line that says how it went."""
    name = f"{unit.stage}/{unit.name}/seed-{unit.recipe.seed}"

    def on_epoch(_: dict[str, Any]) -> None:
        if not in_time(deadline):
            raise OutOfTimeError

    if not in_time(deadline):
        return f"{name}: waits"
    if threads:
        torch.set_num_threads(threads)
    try:
        done = train(unit.recipe, data, unit.folder, resume=True, export=False, keep_seconds=keep_seconds, on_epoch=on_epoch)
        if unit.export and not finished(unit.recipe, unit.folder):
            train(unit.recipe, data, unit.folder, resume=True)
    except OutOfTimeError:
        return f"{name}: goes on next time"
    except TrainingError as error:
        if "The loss became" not in str(error):
            raise
        keep(unit, {"failed": str(error)})
        return f"{name}: {error}"
    figures = measured(done, data)
    keep(unit, figures)
    return f"{name}: {figures['score']:.4f} on PublicTest, {figures['seconds']:.0f} s"


def measured(done: Run, data: Path) -> Figures:
    """The figures of a finished run: those of its best epoch, and the score over several views of each picture, all on `select_on`."""
    recipe, model = done.recipe, best_of(done.recipe, done.folder)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    split = prepared(split_of(recipe, load_sets(recipe, data), recipe.select_on), recipe)
    views = {name: averaging(model, recipe.model_copy(update=change)).to(device) for name, change in VIEWS.items()}
    scores = {f"score_{name}": validate(view, split, recipe.picture_size, device)["score"] for name, view in views.items()}
    facts = json.loads((done.folder / "run.json").read_text(encoding="utf-8"))
    told = {key: value for key, value in done.best.items() if key.startswith(("score", "accuracy_", "log_loss_"))}
    seconds = sum(row["seconds"] for row in done.history)
    return {**told, **scores, "best_epoch": done.best["epoch"], "epochs": recipe.epochs, "seconds": round(seconds, 1)} | {
        key: facts[key] for key in ("parameters", "device", "torch", "mien")
    }


def keep(unit: Unit, figures: Figures) -> None:
    unit.folder.mkdir(parents=True, exist_ok=True)
    write_text(unit.folder / UNIT, json.dumps({"seed": unit.recipe.seed, **figures}, indent=2) + "\n")


def join(unit: Unit, data: Path) -> None:
    """Fuse the members into one artifact, calibrated and measured on PublicTest."""
    graph, card = fused([member / ARTIFACT for member in unit.members], f"{unit.recipe.name}_{unit.stage}")
    sets = load_sets(unit.recipe, data)
    unit.folder.mkdir(parents=True, exist_ok=True)
    selection = split_of(unit.recipe, sets, unit.recipe.select_on)
    card = conclude(graph, card, unit.folder / ARTIFACT, unit.recipe, sets, selection).card
    heads = {f"accuracy_{entry['overall']['label_set']}": entry["overall"]["accuracy"] for entry in card.metrics}
    keep(unit, {**heads, "score": sum(heads.values()) / len(heads), "parameters": card.parameters, "members": len(unit.members)})


def ship(folder: Path, data: Path, forms: Sequence[str] = (), to: Path | None = None) -> Path:
    """Read PrivateTest, once, for the seed of a unit that is best on PublicTest, in the form that is to ship.

    The artifact is written to `to`, by default shipped.onnx in the folder, with the figures in its card; they stay in private.json too.
    """
    told = folder / "private.json"
    if told.is_file():
        raise OptionError(f"PrivateTest was read for {folder} already: {told} has the figures. Ship what they say, or another unit.")
    runs = [folder] if (folder / UNIT).is_file() else [path.parent for path in sorted(folder.glob(f"seed-*/{UNIT}"))]
    scores = {run: json.loads((run / UNIT).read_text(encoding="utf-8")).get("score", 0.0) for run in runs if (run / ARTIFACT).is_file()}
    if not scores:
        raise OptionError(f"{folder} holds no finished unit with an artifact. Give OUT/STAGE/UNIT of a stage with export = true.")
    chosen = max(scores, key=lambda run: scores[run])
    card = remake(chosen / ARTIFACT, to or folder / "shipped.onnx", data, test=True, **dict.fromkeys(forms, True))
    found = [entry for entry in card.metrics if entry["split"] == "test"]
    write_text(told, json.dumps({"run": str(chosen), "sha256": card.sha256, "validation": scores[chosen], "test": found}, indent=2))
    return told


def report(plan: Campaign, out: Path) -> str:
    """Write OUT/campaign.csv and OUT/campaign.md; gives the tables."""
    stages = [(stage, units_of(plan, stage, out)) for stage in plan.stages if (out / stage.name).is_dir()]
    write_text(out / "campaign.csv", log(stages))
    text = tables(stages)
    write_text(out / "campaign.md", text)
    return text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    running, showing, shipping = (commands.add_parser(name) for name in ("run", "table", "ship"))
    for command in (running, showing):
        command.add_argument("--plan", required=True, help="cpu, gpu, or a TOML file")
        command.add_argument("--out", type=Path, required=True)
    for command in (running, shipping):
        command.add_argument("data", type=Path)
    running.add_argument("--minutes", type=float, help="stop after so many; the next call goes on")
    running.add_argument("--stages", nargs="+", default=[], help="these alone")
    running.add_argument("--workers", type=int, help="units side by side; default: as the plan says")
    showing.add_argument("--into", type=Path, help="a document with the lines <!-- campaign --> and <!-- /campaign -->")
    shipping.add_argument("--unit", type=Path, required=True)
    shipping.add_argument("--form", nargs="+", choices=("int8", "half", "flip"), default=[], help="as of mien export")
    shipping.add_argument("--to", type=Path, help="the file to write; default: shipped.onnx in the unit's folder")
    asked = parser.parse_args()
    try:
        if asked.command == "ship":
            print(f"Wrote {ship(asked.unit, asked.data, asked.form, asked.to)}")
            return 0
        shipped = HERE / f"campaign_{asked.plan}.toml"
        plan = read_campaign(shipped if shipped.is_file() else Path(asked.plan))
        if asked.command == "table":
            text = report(plan, asked.out)
            print(text if asked.into is None else f"Wrote {into(asked.into, 'campaign', text)}")
            return 0
        plan = plan if asked.workers is None else plan.model_copy(update={"workers": asked.workers})
        asked.out.mkdir(parents=True, exist_ok=True)
        done = run(plan, asked.data, asked.out, asked.minutes, asked.stages)
        print(report(plan, asked.out))
        print("All is done." if done else "Call again to go on.")
        return 0
    except MienError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    raise SystemExit(main())
