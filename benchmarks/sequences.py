"""Networks of sequences on drawn faces that come or go: what the order of the frames tells, and what resampling to 40 frames costs.

    python benchmarks/sequences.py --keep FOLDER [--seeds 3] [--only turns_gru …] [--out FILE]

Draws the sequences of the recipe `turns_gru` once into FOLDER, trains every recipe of the family there with several seeds, and judges each
artifact on the test characters, whom no network has seen. Runs that are finished stay; a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from documents import table
from numpy.typing import NDArray

from mien.artifact import load_model
from mien.bench.measure import hardware
from mien.core.files import write_text
from mien.datasets.avatars import export, load
from mien.datasets.sequences import Sequences
from mien.evaluation.bootstrap import Interval, resampled_sums
from mien.evaluation.run import evaluate
from mien.training.data import load_sets
from mien.training.recipe import Recipe, load_recipe
from mien.training.run import train

RECIPES = {
    "turns_voting": "every frame by itself, scores averaged",
    "turns_pooled": "mean, deviation and maximum",
    "turns_lstm40": "LSTM, 40 frames by Algorithm 1",
    "turns_lstm": "LSTM, any length",
    "turns_gru": "GRU, both directions, any length",
    "turns_attention": "self-attention, any length",
    "turns_cnn3d": "3D CNN on 24 frames, from nothing",
}
COMPARED = (("turns_lstm", "turns_lstm40"), ("turns_lstm40", "turns_voting"))
SHORTEST = 20
"""Sequences of so few frames and longer ones are told apart: Algorithm 1 cuts those of 21 to 39."""


@dataclass(frozen=True, eq=False)
class Judged:
    """One run on the test sequences: what was right, each (N,), of all twelve classes, of the expression alone, and of the direction."""

    right: NDArray[np.bool_]
    expression: NDArray[np.bool_]
    direction: NDArray[np.bool_]
    frames: NDArray[np.int64]
    people: NDArray[np.str_]


def drawn(folder: Path) -> None:
    """The sequences as files, once."""
    if not (folder / "manifest.csv").is_file():
        part = load_recipe("turns_gru").targets["turns"]
        export(load(folder, **part.options), folder)


def recipe_of(name: str, seed: int, folder: Path) -> Recipe:
    """The recipe on those files."""
    labels = json.dumps(list(load_recipe(name).targets["turns"].labels or ()))
    changes = {
        "seed": str(seed),
        "targets.turns.dataset": '"manifest"',
        "targets.turns.options": f"{{labels = {labels}, channels = 1}}",
    }
    if name != "turns_cnn3d":
        changes["features.cache"] = json.dumps(str(folder / "vectors.sqlite"))
    return load_recipe(name, changes)


def judged(name: str, seed: int, data: Path, runs: Path) -> Judged:
    """Train, unless that is done, and judge."""
    recipe, folder = recipe_of(name, seed, data), runs / f"{name}-{seed}"
    if not (folder / "curve.png").is_file():
        train(recipe, data, folder, resume=True)
    dataset = load_sets(recipe, data)["turns"]
    assert isinstance(dataset, Sequences)
    found = evaluate(load_model(folder / "model.onnx", labels=dataset.labels), dataset, "test")
    said, truth = found.predicted, found.targets
    frames = np.array([len(dataset.frames_of(row)) for row in found.rows.tolist()])
    subjects = np.array([""]) if dataset.subjects is None else dataset.subjects[found.rows]
    return Judged(said == truth, said // 2 == truth // 2, said % 2 == truth % 2, frames, subjects)


def cells(name: str, results: Sequence[Judged]) -> list[str]:
    """A row of the table."""

    def told(of: str, rows: NDArray[np.bool_] | None = None) -> str:
        parts = [getattr(one, of) if rows is None else getattr(one, of)[rows] for one in results]
        return f"{100 * np.mean(parts):.1f} %"

    interval = _by_character(_rates(results), results[0].people)
    spread = np.std([one.right.mean() for one in results], ddof=1) if len(results) > 1 else float("nan")
    short = results[0].frames <= SHORTEST
    return [
        f"{RECIPES[name]}, `{name}`",
        f"**{told('right')}** ({100 * interval.low:.1f} – {100 * interval.high:.1f})",
        f"{100 * spread:.1f}",
        told("expression"),
        told("direction"),
        told("right", short),
        told("right", ~short),
    ]


def gain(name: str, results: Sequence[Judged], other: str, others: Sequence[Judged]) -> str:
    """What a network is right of beyond another, sequence by sequence."""
    gained = _rates(results) - _rates(others)
    interval = _by_character(gained, results[0].people)
    return f"- `{name}` over `{other}`: {100 * gained.mean():+.1f} points ({100 * interval.low:.1f} – {100 * interval.high:.1f})"


def _rates(results: Sequence[Judged]) -> NDArray[np.float64]:
    return np.asarray(np.mean([one.right for one in results], axis=0))


def _by_character(values: NDArray[np.float64], people: NDArray[np.str_]) -> Interval:
    sums = resampled_sums(np.stack([values, np.ones_like(values)], axis=1), np.unique(people, return_inverse=True)[1])
    return Interval.of(sums[:, 0] / sums[:, 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, required=True, help="where drawn files and runs are kept")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=list(RECIPES), default=list(RECIPES))
    parser.add_argument("--out", type=Path, help="write the table as Markdown")
    wanted = parser.parse_args()
    data = wanted.keep / "turns"
    drawn(data)
    rows, found = [], {}
    for name in wanted.only:
        results = found[name] = [judged(name, seed, data, wanted.keep / "runs") for seed in range(wanted.seeds)]
        rows.append(cells(name, results))
        print(*rows[-1], sep="  ", flush=True)
    gains = [gain(one, found[one], other, found[other]) for one, other in COMPARED if {one, other} <= found.keys()]
    print(*gains, sep="\n")
    head = ("network", "right of twelve classes", "sd of seeds", "expression right", "direction right", "≤ 20 frames", "longer")
    n = len(results[0].right)
    text = (
        "\n".join([table(head, rows), "", *gains, ""])
        + f"\n{n} sequences of {len(set(results[0].people.tolist()))} characters, {wanted.seeds} seeds. {hardware()}\n"
    )
    if wanted.out is not None:
        write_text(wanted.out, text)


if __name__ == "__main__":
    main()
