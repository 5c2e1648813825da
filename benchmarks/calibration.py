"""Do the scores say better how sure a model is where more than a temperature calibrates them?

    python benchmarks/calibration.py DATA [MODEL …] [--out docs/calibration.md]

For each head of each model, by default those that ship: both are fitted on four fifths of the split that its recipe selects on, FER2013's
PublicTest, and judged on the last fifth, in turn, exact twins on one side. Five partitions. The test split is not read. The form of the
curve was chosen among ten on this very split, so that its figures here flatter it a little.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import mean

import numpy as np
from documents import page, table
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from mien.artifact import Model, list_models, load_model
from mien.core.calibration import Calibration
from mien.core.files import write_text
from mien.core.types import Scores
from mien.datasets import load_dataset
from mien.datasets.base import Dataset
from mien.evaluation.calibration import fit_calibration, fit_temperature, reliability
from mien.evaluation.grouping import group_rows
from mien.evaluation.metrics import log_loss, log_losses

FOLDS, PARTITIONS, DRAWN = 5, 5, 700
SETS = {"fer7": "fer2013", "fer8": "ferplus"}
Fit = Callable[[NDArray[np.floating], NDArray[np.integer]], Calibration]


def temperature(logits: NDArray[np.floating], targets: NDArray[np.integer]) -> Calibration:
    return Calibration(fit_temperature(logits, targets))


def held_out(fit: Fit, logits: NDArray[np.floating], targets: NDArray[np.int64], groups: NDArray[np.int64], seed: int) -> Scores:
    """Scores of every row by what was fitted on the other folds."""
    scores = np.empty(logits.shape, np.float32)
    for fitted, judged in GroupKFold(FOLDS, shuffle=True, random_state=seed).split(logits, groups=groups):
        scores[judged] = fit(logits[fitted], targets[fitted]).scores(logits[judged])
    return scores


def rows_of(model: Model, sets: dict[str, Dataset]) -> Iterable[Sequence[str]]:
    for head in model.card.heads:
        dataset = sets[head.labels.name]
        rows = np.flatnonzero((dataset.split == "validation") & (dataset.targets >= 0))
        targets, groups = dataset.targets[rows], group_rows(dataset, rows, "twins")
        logits = model.logits(dataset.images[rows], head.labels)
        found = [[held_out(fit, logits, targets, groups, seed) for seed in range(PARTITIONS)] for fit in (temperature, fit_calibration)]
        errors = [[reliability(scores, targets).ece for scores in each] for each in found]
        first, second = ([log_losses(scores, targets) for scores in each] for each in found)
        gained = np.mean(first, axis=0) - np.mean(second, axis=0)
        half = 1.96 * gained.std(ddof=1) / np.sqrt(len(gained))
        yield [
            model.card.name,
            f"{head.labels.name}, {len(rows):,} images",
            *(f"{mean(each):.4f} ({min(each):.4f} – {max(each):.4f})" for each in errors),
            f"{mean(reliability(scores, targets).by_chance for scores in found[1]):.4f}",
            *(f"{np.mean(each):.4f}" for each in (first, second)),
            f"{gained.mean():+.4f} ({gained.mean() - half:+.4f} – {gained.mean() + half:+.4f})",
            str(fit_calibration(logits, targets)),
        ]


def elsewhere(model: Model, fitted_on: Dataset, drawn: Dataset) -> Sequence[str]:
    """How likely the labels of faces of another kind are to the head of `drawn`'s labels, calibrated either way on the whole split."""
    rows = np.flatnonzero((fitted_on.split == "validation") & (fitted_on.targets >= 0))
    known, new = (model.logits(images, drawn.labels) for images in (fitted_on.images[rows], drawn.images))
    scores = [fit(known, fitted_on.targets[rows]).scores(new) for fit in (temperature, fit_calibration)]
    return [model.card.name, *(f"{log_loss(each, drawn.targets):.4f}, {reliability(each, drawn.targets).ece:.4f}" for each in scores)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("models", nargs="*", metavar="MODEL", default=["default", *(name for name in list_models() if name != "default")])
    parser.add_argument("--out", type=Path, default=Path("docs/calibration.md"))
    asked = parser.parse_args()
    sets = {labels: load_dataset(name, asked.data) for labels, name in SETS.items()}
    columns = (
        "model",
        "head",
        "ECE, temperature",
        "ECE, curve",
        "by chance",
        "log-loss, temperature",
        "log-loss, curve",
        "gained, nats",
        "fitted on all",
    )
    lines = [line for name in asked.models for line in rows_of(load_model(name), sets)]
    told = __doc__.split("\n\n")[2].strip()
    models = " ".join(Path(name).parent.name if Path(name).suffix else name for name in asked.models)
    drawn = load_dataset("avatars", ".", n=DRAWN)
    others = [elsewhere(load_model(name), sets[drawn.labels.name], drawn) for name in asked.models]
    beyond = f"A calibration holds for faces like those it was fitted on. Log-loss and ECE on {DRAWN} faces that mien draws:"
    there = table(("model", "temperature", "curve"), others)
    text = page("Calibration", f"python benchmarks/calibration.py DATA {models}", FORMULA, told, table(columns, lines), beyond, there)
    print(text)
    write_text(asked.out, text)


FORMULA = """
A head's raw outputs become scores by its calibration, which is fitted where the model is selected and travels in its card:

> score ∝ exp(*l* / temperature − tail · *h*(*l*) − top · ln(1 − e^*l*)), with *l* = ln softmax(outputs), and *h*(*l*) = *l*² down to −4 and
> straight from there.

The temperature alone is temperature scaling (Guo et al., 2017), `top` the second number of beta calibration (Kull et al., 2017). `tail`
takes back what smoothed labels leave to every label. Each term rises with *l*, so that no answer changes. `tail` and `top` are added where
they raise the log-likelihood of the split's N labels by more than ln N (the Bayesian information criterion); else the temperature is alone.
"""


if __name__ == "__main__":
    main()
