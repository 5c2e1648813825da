"""A model in its other forms: what 8 bits, half the space and mirror images do to its answers, its file and its time.

    python benchmarks/int8.py DATA --model FILE [--runs 200] [--seconds 10] [--skip-choices] [--out docs/int8.md]

Everything is measured on PublicTest, where the model was selected, and against the float32 model on the same images; PrivateTest is not
read. Times are those of `mien.bench.measure`: all forms in turns of a random order, in the same minutes.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from documents import table
from numpy.typing import NDArray

import mien
from mien.artifact import Model, load_model, save_artifact
from mien.bench.measure import cores, hardware, load, measure
from mien.core.calibration import softmax
from mien.core.files import write_text
from mien.datasets.base import Dataset
from mien.evaluation.calibration import expected_calibration_error, fit_calibration
from mien.evaluation.compare import compare
from mien.evaluation.grouping import group_rows
from mien.training.data import load_sets
from mien.training.quantise import IMAGES, calibration_rows, quantised
from mien.training.remake import recipe_of
from mien.training.rewrite import halved, mirrored

BATCH, MANY, BATCHES = 64, 256, 20
FLAGS = ("avx2", "avx_vnni", "avx512_vnni")


@dataclass(frozen=True, eq=False)
class Form:
    """One form of the model: its file, and the logits (N, C) that it gives for all of PublicTest, by label set."""

    name: str
    path: Path
    logits: dict[str, NDArray[np.float32]]


def forms(model: Model, sets: dict[str, Dataset], folder: Path) -> list[Form]:
    """The model in all forms, as `mien export` writes them."""
    graph, dataset = onnx.load_model_from_string(model.file), next(iter(sets.values()))
    eight = quantised(model, graph, dataset.images[calibration_rows(dataset)])
    graphs = {"float32": graph, "half": halved(graph), "int8": eight, "flip": mirrored(graph), "int8 and flip": mirrored(eight)}
    made = []
    for name, one in graphs.items():
        path = folder / f"{name}.onnx"
        save_artifact(one, model.card, path)
        made.append(Form(name, path, said(path, dataset)))
    return made


def said(path: Path, dataset: Dataset) -> dict[str, NDArray[np.float32]]:
    """The logits of every head for PublicTest, in one pass."""
    model = load_model(path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    inputs = model.card.preprocessing.to_input(dataset.images[dataset.split == "validation"])
    names = [head.output for head in model.card.heads]
    parts = [session.run(names, model.feed(inputs[i : i + BATCH])) for i in range(0, len(inputs), BATCH)]
    return {head.labels.name: np.concatenate(part) for head, part in zip(model.card.heads, zip(*parts, strict=True), strict=True)}


def answers(made: Sequence[Form], head: str, dataset: Dataset) -> str:
    """The table of one head: each form by itself, and beside float32 on the same images."""
    rows = np.flatnonzero((dataset.split == "validation") & (dataset.targets >= 0))
    labelled = dataset.targets[dataset.split == "validation"] >= 0
    targets, groups = dataset.targets[rows], group_rows(dataset, rows, "twins")
    first, lines = made[0].logits[head][labelled], []
    for form in made:
        logits = form.logits[head][labelled]
        calibration = fit_calibration(logits, targets)
        scores = calibration.scores(logits)
        versus = compare(scores, softmax(first), targets, groups)
        told = f"{100 * versus.difference:+.2f} ({100 * versus.interval.low:+.2f} – {100 * versus.interval.high:+.2f})"
        cells = [
            form.name,
            f"{form.path.stat().st_size / 1e6:.2f} MB",
            f"{versus.accuracy_a:.2%}",
            "" if form is made[0] else told,
            "" if form is made[0] else f"{np.mean(logits.argmax(1) == first.argmax(1)):.1%}",
            f"{versus.macro_f1_a:.4f}",
            f"{expected_calibration_error(scores, targets):.4f}",
            str(calibration),
        ]
        lines.append(cells)
    columns = ("file", "accuracy", "over float32, points", "same decision", "macro-F1", "ECE", "calibration")
    return table([f"form, {len(rows):,} images", *columns], lines)


def times(made: Sequence[Form], crops: NDArray[np.uint8], asked: argparse.Namespace) -> str:
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
            form.name,
            f"{one.latency_ms:.2f} ({one.latency_spread[0]:.2f} – {one.latency_spread[1]:.2f})",
            f"{one.latency_ms / alone[0].latency_ms:.2f}",
            f"{speed:,.0f} ({MANY / long * 1e3:,.0f} – {MANY / short * 1e3:,.0f})",
            f"{one.runs}, {batch.runs}",
        ]
        rows.append(cells)
    return table(["form", "ms a face, one thread", "over float32", f"faces/s, batches of {MANY}, two threads", "runs"], rows)


def _of_many(model: Model, many: NDArray[np.uint8]) -> Callable[[object], object]:
    return lambda _: model.predict(many)


def choices(model: Model, sets: dict[str, Dataset]) -> str:
    """The table that the form of int8 was chosen by: bits of a weight, what stays float32, and other calibration images."""
    graph, dataset = onnx.load_model_from_string(model.file), next(iter(sets.values()))
    nodes = list(graph.graph.node)
    gates = [node.name for node in nodes if node.op_type in ("ReduceMean", "Sigmoid", "Mul", "AveragePool") or "gate" in str(node.input)]
    until = next(place for place, node in enumerate(nodes) if node.op_type == "Conv")
    first, last = [node.name for node in nodes[: until + 1]], [node.name for node in nodes if node.op_type == "Gemm"]
    plan: list[tuple[str, int, list[str], int]] = [(f"everything, images of seed {seed}", 7, [], seed) for seed in (0, 1, 2)]
    plan += [("all but gates and pooling", 7, gates, 0), ("all but gates, pooling, first and last layer", 7, [*gates, *first, *last], 0)]
    plan += [("everything", 8, [], 0), ("all but gates and pooling", 8, gates, 0), ("all but the first layer", 8, first, 0)]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.onnx"
        save_artifact(graph, model.card, path)
        before = said(path, dataset)
        for name, bits, leave, seed in plan:
            made = quantised(model, graph, dataset.images[calibration_rows(dataset, seed)], bits=bits, leave=leave)
            save_artifact(made, model.card, path)
            after, cells = said(path, dataset), [name, str(bits)]
            for head, one in sets.items():
                targets = one.targets[one.split == "validation"]
                decided, known = after[head].argmax(1), targets >= 0
                cells += [f"{np.mean((decided == targets)[known]):.2%}", f"{np.mean((decided == before[head].argmax(1))[known]):.1%}"]
            rows.append(cells)
    columns = [name for head in sets for name in (f"{head}: accuracy", "same decision")]
    return table(["quantised", "bits", *columns], rows)


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
    parser.add_argument("--model", required=True, help="an artifact with float32 weights, as mien train writes it")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--skip-choices", action="store_true", help="leave out the table of what may stay float32")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    busy = load() or 0.0
    model = load_model(asked.model)
    sets = load_sets(recipe_of(model.card), asked.data)
    with tempfile.TemporaryDirectory() as folder:
        made = forms(model, sets, Path(folder))
        timed = times(made, next(iter(sets.values())).images[:64], asked)
        tables = {head: answers(made, head, one) for head, one in sets.items()}
    chosen = "" if asked.skip_choices else choices(model, sets)
    text = report(asked, model, tables, timed, chosen, busy)
    print(text)
    if asked.out:
        write_text(asked.out, text)


def report(asked: argparse.Namespace, model: Model, tables: dict[str, str], timed: str, chosen: str, busy: float) -> str:
    """The document."""
    command = f"python benchmarks/int8.py DATA --model {asked.model} --runs {asked.runs} --seconds {asked.seconds:g}"
    command += " --skip-choices" if asked.skip_choices else ""
    lines = ["# Other forms of a model, measured", "", "```", command, "```", ""]
    lines += [
        f"{model.card.name} {model.card.version} ({model.card.sha256[:12]}…), {model.card.parameters or 0:,} parameters, in the forms of",
        "`mien export --int8`, `--half` and `--flip`. Figures are those of PublicTest, where the model was selected and its forms were",
        "chosen: they compare forms, and are no measure of new faces.",
        f"int8 is calibrated on {IMAGES} training images. Intervals of 95 % are paired, exact twins drawn together; the calibration is",
        "fitted for each form.",
        "",
    ]
    for head, answered in tables.items():
        lines += [f"## {head}", "", answered, ""]
    crowd = " The machine was busy with other work: these times compare forms, no more." if busy > cores() / 2 else ""
    lines += [
        "## Time",
        "",
        "Median (quartiles), preprocessing included, all forms in turns within the same minutes.",
        f"{hardware()} ({instructions()}), mien {mien.__version__}; load average before {busy:.1f}.{crowd}",
        "",
        timed,
        "",
    ]
    if chosen:
        lines += [
            "## What is quantised",
            "",
            "Each row is one quantisation of the same model; the last column is held against float32.",
            "",
            chosen,
            "",
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
