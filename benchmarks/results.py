"""The full evaluation of a model on FER2013 and FER+, written as docs/results.md: every figure with n and its interval.

    python benchmarks/results.py DATA [--model default] [--out docs/results.md]

DATA holds FER2013 and FER+; a folder `photos` in it, with labels.csv (image, expression), adds the end-to-end figures. The last section of
the document, on the published systems, is that of benchmarks/systems.py and stays as it is.
"""

from __future__ import annotations

import argparse
import csv
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from documents import table
from numpy.typing import NDArray
from systems_table import section_in

import mien
from mien.analysis.whole import whole_scores
from mien.audit import audit
from mien.audit.rules import select
from mien.core.files import write_text
from mien.datasets import Dataset, load_dataset
from mien.evaluation.bootstrap import Interval
from mien.evaluation.run import SplitEvaluation, evaluate, judge
from mien.evaluation.scores import Evaluation, evaluate_scores

SETS = {
    "fer2013": "FER2013 PrivateTest, seven classes",
    "ferplus": "FER+ test, eight classes, majority of `label.csv`",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--out", type=Path, default=Path("docs/results.md"))
    options = parser.parse_args()
    parts, unseen = [opening(options.model)], unseen_pictures(options.data)
    for name, title in SETS.items():
        dataset = load_dataset(name, options.data)
        model = mien.load_model(options.model, dataset.labels)
        result = evaluate(model, dataset, "test", calibrate=True)
        parts.append(section(title, result, strict(result, dataset, unseen)))
    if (options.data / "photos" / "labels.csv").is_file():
        parts.append(end_to_end(options.model, options.data / "photos"))
    write_text(options.out, "\n".join([*parts, *filter(None, [section_in(options.out)])]))
    print(f"Wrote {options.out}")


def opening(name: str) -> str:
    card = mien.load_model(name).card
    return f"""# Results

Made by one command, which measures everything anew but for [the published systems](#the-published-systems):

```
python benchmarks/results.py DATA --model {name}
```

The model `{name}`: {card.name} {card.version}, {card.parameters:,} parameters, SHA-256 `{card.sha256[:12]}…`. {card.training_data}.

"All" is the whole test split; "clean" leaves out the images that have an exact twin among the training images; "strict" those too of which
the audit finds a nearly equal, mirrored or altered copy (another crop of the same photo) in an earlier split
([audit.md](audit.md)). The same model answers for all three: they differ in the images alone. Intervals are 95 %, by 2,000 bootstrap
resamples in which exact twins are drawn together. The calibration error (ECE, 15 bins) is that of the scores as the model gives them; a
perfectly calibrated model would show the figure "by chance" at this n. AURC is the area under the risk–coverage curve, lower is better;
"surest 90 %" is the accuracy when the tenth that the model is least sure of is left unanswered. Measured with mien {mien.__version__}
and Python {platform.python_version()} on a CPU; the figures depend on neither beyond
rounding, but for a few of the pairs that the audit registers: they lie at its bound, and another processor may put them beyond it.
"""


def unseen_pictures(data: Path) -> NDArray[np.int64]:
    """The FER2013 rows of whose picture no equal, nearly equal or altered copy is found in an earlier split."""
    dataset = load_dataset("fer2013", data)
    return dataset.ids[select(dataset, audit(dataset), ["test-clean"]).keep]


def strict(result: SplitEvaluation, dataset: Dataset, unseen: NDArray[np.int64]) -> Evaluation:
    kept = np.isin(dataset.ids[result.rows], unseen)
    votes = None if dataset.votes is None else dataset.votes[result.rows[kept]]
    return evaluate_scores(result.scores[kept], result.targets[kept], dataset.labels, groups=result.groups[kept], votes=votes)


def section(title: str, result: SplitEvaluation, unseen: Evaluation) -> str:
    columns = [("all", result.overall)] + ([("clean", result.clean)] if result.clean else []) + [("strict", unseen)]
    lines = [f"## {title}\n", table(["", *(name for name, _ in columns)], figures([one for _, one in columns])), ""]
    lines.append(temperatures(result))
    rows = [
        (c.label, f"{c.support:,}", cell(c.precision, c.precision_interval), cell(c.recall, c.recall_interval), cell(c.f1, c.f1_interval))
        for c in result.overall.per_class
    ]
    lines += ["Each class, all images:\n", table(["", "n", "Precision", "Recall", "F1"], rows), ""]
    names = list(result.overall.labels)
    counts = zip(names, result.overall.confusion.tolist(), strict=True)
    lines += ["Confusion, all images; rows are the truth:\n", table(["", *names], [(name, *map(str, row)) for name, row in counts]), ""]
    lines += [f"> {warning}\n" for warning in result.warnings]
    return "\n".join(lines)


def figures(columns: Sequence[Evaluation]) -> Iterable[Sequence[str]]:
    def row(name: str, cells: Iterable[str]) -> tuple[str, ...]:
        return (name, *cells)

    yield row("n", (f"{e.n:,}, {e.groups:,} distinct" for e in columns))
    yield row("Accuracy", (f"**{percent(e.accuracy, 2)}** ({ends(e.accuracy_interval)})" for e in columns))
    yield row("Macro-F1", (cell(e.macro_f1, e.macro_f1_interval) for e in columns))
    yield row("Balanced accuracy", (cell(e.balanced_accuracy, e.balanced_accuracy_interval) for e in columns))
    yield row("ECE; by chance", (f"{e.ece:.4f}; {e.ece_by_chance:.4f}" for e in columns))
    yield row("Log-loss, nats", (fixed(e.log_loss, e.log_loss_interval) for e in columns))
    yield row("Brier score", (fixed(e.brier, e.brier_interval) for e in columns))
    yield row("AURC", (f"{e.selective.aurc:.4f}" for e in columns))
    for coverage in (0.9, 0.8):
        name = f"Surest {percent(coverage, 0)} (threshold)"
        yield row(name, (f"{percent(e.selective.accuracy_at(coverage), 2)} ({e.selective.threshold_at(coverage):.3f})" for e in columns))
    if all(e.kl_votes is not None for e in columns):
        yield row("KL from the votes, nats", (f"{e.kl_votes:.4f}" for e in columns))


def temperatures(result: SplitEvaluation) -> str:
    again = result.recalibrated
    said = [f"Without the calibration in its card the model's ECE is {result.uncalibrated_ece:.4f}."] if result.uncalibrated_ece else []
    if again is not None:
        said.append(
            f"One more temperature, fitted on the validation split, would be {again.temperature:.3f} and take the ECE from "
            f"{again.ece_before:.4f} to {again.ece_after:.4f}."
        )
    return " ".join(said) + "\n"


def end_to_end(name: str, folder: Path) -> str:
    dataset = photos(folder)
    analyzer = mien.Analyzer(model=name, labels=dataset.labels)
    crops = evaluate(mien.load_model(name, dataset.labels), dataset, "test", clean=False).overall
    found = whole_scores(analyzer, dataset)
    whole = judge(found.scores, dataset, "test", missing=~found.found, clean=False).overall
    rows = [
        ("the photo as it is, squeezed to the model's input", f"{crops.n}", cell(crops.accuracy, crops.accuracy_interval)),
        (
            "end to end: face found and cut first; a photo without a face counts as wrong",
            f"{whole.n}",
            cell(whole.accuracy, whole.accuracy_interval),
        ),
        (
            "the same, over the photos in which a face was found",
            f"{found.found.sum()}",
            percent(whole.accuracy * whole.n / found.found.sum()),
        ),
    ]
    return (
        f"## Whole photographs\n\n{whole.n} close-ups, labelled by one annotator: too few and too noisy to rank models by, "
        "enough to see that the whole way works.\n\n" + table(["", "n", "Accuracy"], rows) + "\n"
    )


def photos(folder: Path) -> Dataset:
    with (folder / "labels.csv").open(newline="") as file:
        rows = [(str((folder / row["image"]).resolve()), row["expression"]) for row in csv.DictReader(file)]
    with TemporaryDirectory() as place:
        with (Path(place) / "manifest.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("path", "label"), *rows])
        return load_dataset("manifest", place, labels="fer8", crop_size=96, split="test")


def cell(value: float, interval: Interval | None) -> str:
    return f"{percent(value)} ({ends(interval)})" if interval else percent(value)


def fixed(value: float, interval: Interval | None) -> str:
    return f"{value:.4f} ({interval.low:.4f} – {interval.high:.4f})" if interval else f"{value:.4f}"


def percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"


def ends(interval: Interval) -> str:
    return f"{100 * interval.low:.1f} – {100 * interval.high:.1f}"


if __name__ == "__main__":
    main()
