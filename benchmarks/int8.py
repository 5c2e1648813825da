"""A model in its other forms: what 8 bits, half the space and mirror images do to its answers, its file and its time.

    python benchmarks/int8.py DATA [--model default] [--runs 200] [--seconds 10] [--skip-choices] [--out docs/int8.md]

Everything is measured on PublicTest, where the model was selected, and against the float32 model on the same images; PrivateTest is not
read. Times are those of `mien.bench.measure`: all forms in turns of a random order, in the same minutes.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

import mien
from mien.artifact import Model, load_model, save_artifact
from mien.bench.measure import cores, hardware, load, measure
from mien.core.files import write_text
from mien.datasets.base import Dataset
from mien.evaluation.compare import compare
from mien.evaluation.run import SplitEvaluation, evaluate
from mien.training.data import load_sets
from mien.training.quantise import IMAGES, calibration_rows, quantised
from mien.training.remake import recipe_of, remake

FORMS = {"float32": (), "half": ("half",), "int8": ("int8",), "flip": ("flip",), "int8, flip": ("int8", "flip")}
MANY, BATCHES = 256, 20
FLAGS = ("avx2", "avx_vnni", "avx512_vnni")


@dataclass(frozen=True, eq=False)
class Form:
    """One form of the model: its file, and what it says of PublicTest, by label set."""

    name: str
    path: Path
    found: dict[str, SplitEvaluation]

    @property
    def size_mb(self) -> float:
        return self.path.stat().st_size / 1e6


def judged(name: str, path: Path, sets: dict[str, Dataset]) -> Form:
    return Form(name, path, {head: evaluate(load_model(path, head), one, "validation", clean=False) for head, one in sets.items()})


def forms(model: Model, data: Path, sets: dict[str, Dataset], folder: Path) -> list[Form]:
    """The model in all forms; its copy here has no figures of the test split, so that none is measured."""
    graph, card = onnx.load_model_from_string(model.file), model.card
    card = replace(card, metrics=tuple(one for one in card.metrics if one["split"] != "test"))
    plain = folder / "float32.onnx"
    save_artifact(graph, card, plain)
    made = []
    for name, options in FORMS.items():
        path = folder / f"{name}.onnx"
        if options:
            remake(plain, path, data, **dict.fromkeys(options, True))
        made.append(judged(name, path, sets))
    return made


def answers(made: Sequence[Form], head: str) -> list[str]:
    """The table of one head: each form by itself, and beside float32 on the same images."""
    first, rows = made[0].found[head], []
    for form in made:
        one = form.found[head]
        versus = compare(one.scores, first.scores, one.targets, one.groups)
        told = f"{100 * versus.difference:+.2f} ({100 * versus.interval.low:+.2f} – {100 * versus.interval.high:+.2f})"
        cells = [
            f"{form.size_mb:.2f} MB",
            f"{one.overall.accuracy:.2%}",
            "" if form is made[0] else told,
            "" if form is made[0] else f"{np.mean(one.predicted == first.predicted):.1%}",
            f"{one.overall.macro_f1:.4f}",
            f"{one.overall.ece:.4f}",
            f"{load_model(form.path, head).temperature:.3f}",
        ]
        rows.append(f"| {form.name} | " + " | ".join(cells) + " |")
    title = "| form | file | accuracy | over float32, points | same decision | macro-F1 | ECE | temperature |"
    return [title, "|---" * title.count(" |") + "|", *rows]


def times(made: Sequence[Form], crops: NDArray[np.uint8], asked: argparse.Namespace) -> list[str]:
    """The table of times: one face on one thread, and batches on two, each in turns."""
    single = [load_model(form.path, threads=1).predict for form in made]
    alone = measure(single, crops, threads=1, runs=asked.runs, seconds=asked.seconds)
    many = np.resize(crops, (MANY, *crops.shape[1:]))
    batched = [_of_many(load_model(form.path, threads=2), many) for form in made]
    together = measure(batched, crops[:1], threads=2, runs=min(asked.runs, BATCHES), seconds=asked.seconds)
    rows = []
    for form, one, batch in zip(made, alone, together, strict=True):
        speed, (short, long) = MANY / batch.latency_ms * 1e3, batch.latency_spread
        cells = [
            f"{one.latency_ms:.2f} ({one.latency_spread[0]:.2f} – {one.latency_spread[1]:.2f})",
            f"{one.latency_ms / alone[0].latency_ms:.2f}",
            f"{speed:,.0f} ({MANY / long * 1e3:,.0f} – {MANY / short * 1e3:,.0f})",
            f"{one.runs}, {batch.runs}",
        ]
        rows.append(f"| {form.name} | " + " | ".join(cells) + " |")
    title = f"| form | ms a face, one thread | over float32 | faces/s, batches of {MANY}, two threads | runs |"
    return [title, "|---" * title.count(" |") + "|", *rows]


def _of_many(model: Model, many: NDArray[np.uint8]) -> Callable[[object], object]:
    return lambda _: model.predict(many)


def choices(model: Model, sets: dict[str, Dataset]) -> list[str]:
    """The table that the form of int8 was chosen by: bits of a weight, what stays float32, and other calibration images."""
    graph, dataset = onnx.load_model_from_string(model.file), next(iter(sets.values()))
    nodes = list(graph.graph.node)
    gates = [node.name for node in nodes if node.op_type in ("ReduceMean", "Sigmoid", "Mul", "AveragePool") or "gate" in str(node.input)]
    until = next(place for place, node in enumerate(nodes) if node.op_type == "Conv")
    first, last = [node.name for node in nodes[: until + 1]], [node.name for node in nodes if node.op_type == "Gemm"]
    plan: list[tuple[str, int, list[str], int]] = [(f"everything, images of seed {seed}", 7, [], seed) for seed in (0, 1, 2)]
    plan += [("all but gates and pooling", 7, gates, 0), ("all but gates, pooling, first and last layer", 7, [*gates, *first, *last], 0)]
    plan += [("everything", 8, [], 0), ("all but gates and pooling", 8, gates, 0), ("all but the first layer", 8, first, 0)]
    before, rows = _decisions(graph, model, sets), []
    for name, bits, leave, seed in plan:
        crops = dataset.images[calibration_rows(dataset, seed)]
        after = _decisions(quantised(model, graph, crops, bits=bits, leave=leave), model, sets)
        cells = [str(bits)]
        for head, one in sets.items():
            told = one.targets[(one.split == "validation") & (one.targets >= 0)]
            cells += [f"{np.mean(after[head] == told):.2%}", f"{np.mean(after[head] == before[head]):.1%}"]
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    title = "| quantised | bits | " + " | ".join(f"{head}: accuracy | same decision" for head in sets) + " |"
    return [title, "|---" * title.count(" |") + "|", *rows]


def _decisions(graph: Any, model: Model, sets: dict[str, Dataset]) -> dict[str, NDArray[np.int64]]:
    """What a graph decides about the labelled rows of PublicTest, by label set."""
    with tempfile.TemporaryDirectory() as folder:
        save_artifact(graph, model.card, Path(folder) / "m.onnx")
        said = load_model(Path(folder) / "m.onnx")
    return {
        head: said.logits(one.images[(one.split == "validation") & (one.targets >= 0)], one.labels).argmax(1) for head, one in sets.items()
    }


def instructions() -> str:
    """Which of the instructions that matter here the processor has."""
    try:
        there = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:
        return "instructions unknown"
    return ", ".join(f"{'' if flag in there else 'no '}{flag}" for flag in FLAGS)


def main() -> None:
    """Make the forms, judge them, time them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--skip-choices", action="store_true", help="leave out the table of what may stay float32")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    model = load_model(asked.model)
    sets = load_sets(recipe_of(model.card), asked.data)
    with tempfile.TemporaryDirectory() as folder:
        made = forms(model, asked.data, sets, Path(folder))
        loads = [load()]
        timed = times(made, next(iter(sets.values())).images[:64], asked)
        loads.append(load())
        tables = {head: answers(made, head) for head in sets}
    chosen = [] if asked.skip_choices else choices(model, sets)
    busy = statistics.mean(one or 0.0 for one in loads)
    text = report(asked, model, tables, timed, chosen, busy)
    print(text)
    if asked.out:
        write_text(asked.out, text)


def report(asked: argparse.Namespace, model: Model, tables: dict[str, list[str]], timed: list[str], chosen: list[str], busy: float) -> str:
    """The document."""
    command = f"python benchmarks/int8.py DATA --model {asked.model} --runs {asked.runs} --seconds {asked.seconds:g}"
    lines = ["# Other forms of a model, measured", "", "```", command, "```", ""]
    lines += [
        f"{model.card.name} {model.card.version} ({model.card.sha256[:12]}…), {model.card.parameters or 0:,} parameters, in the forms of",
        "`mien export --int8`, `--half` and `--flip`. Figures are those of PublicTest, where the model was selected and its forms were",
        "chosen: they compare forms, and are no measure of new faces.",
        f"int8 is calibrated on {IMAGES} training images. Intervals of 95 % are paired, exact twins drawn together; temperatures are",
        "fitted for each form.",
        "",
    ]
    for head, table in tables.items():
        lines += [f"## {head}", "", *table, ""]
    crowd = " The machine was busy with other work: these times compare forms, no more." if busy > cores() / 2 else ""
    lines += [
        "## Time",
        "",
        "Median (quartiles), preprocessing included, all forms in turns within the same minutes.",
        f"{hardware()} ({instructions()}), mien {mien.__version__}; load average {busy:.1f}.{crowd}",
        "",
        *timed,
        "",
    ]
    if chosen:
        lines += [
            "## What is quantised",
            "",
            "Each row is one quantisation of the same model; the last column is held against float32.",
            "",
        ]
        lines += [*chosen, ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
