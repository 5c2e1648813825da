"""The log and the tables of a campaign, from the figures of its units."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from statistics import mean, stdev

from campaign_plan import Stage, Unit, gains, worth_it
from documents import table

COLUMNS = ("score", "accuracy_fer8", "accuracy_fer7", "score_flip", "score_flip+shift", "log_loss_fer8", "log_loss_fer7")
FACTS = ("parameters", "epochs", "best_epoch", "seconds", "device", "torch", "mien", "failed")
HEAD = ("unit", "n", "mean", "FER+", "FER2013", "Δ", "views", "parameters", "seconds")

Stages = Sequence[tuple[Stage, Sequence[Unit]]]


def log(stages: Stages) -> str:
    """One CSV row for each finished unit."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["stage", "unit", "seed", *COLUMNS, *FACTS])
    for _, units in stages:
        for unit in units:
            if (told := unit.figures) is not None:
                writer.writerow([unit.stage, unit.name, told["seed"], *(told.get(key, "") for key in (*COLUMNS, *FACTS))])
    return text.getvalue()


def tables(stages: Stages) -> str:
    """What each stage gave, as Markdown."""
    parts = [_table(stage, units) for stage, units in stages if any(unit.figures for unit in units)]
    explained = (
        'Accuracy on PublicTest in per cent, mean (standard deviation) over n seeds; "mean" is that of the two heads. Δ: the mean\n'
        "difference to the first row, paired by the seed, in points, with the standard deviation of the differences; ✓ where it is above\n"
        "0.1 and above twice its standard error, over three seeds or more. Views: what flip, and flip with four shifts of 2 pixels, add\n"
        "at test time."
    )
    return "\n\n".join([explained, *parts]) + "\n"


def _table(stage: Stage, units: Sequence[Unit]) -> str:
    found = gains(stage, units) if stage.base is not None else {}
    names = list(dict.fromkeys(unit.name for unit in units))
    if stage.base is not None:
        names.sort(key=lambda name: name != stage.base)
    rows = []
    for name in names:
        told = [figures for unit in units if unit.name == name and (figures := unit.figures) and "score" in figures]
        failed = sum(1 for unit in units if unit.name == name and "failed" in (unit.figures or {}))
        if not told:
            rows.append([name, "failed" if failed else "0"] + [""] * (len(HEAD) - 2))
            continue
        accuracies = [_spread([100 * row[key] for row in told if key in row]) for key in ("score", "accuracy_fer8", "accuracy_fer7")]
        views = " / ".join(
            f"{mean(100 * (row[key] - row['score']) for row in told):+.2f}" for key in ("score_flip", "score_flip+shift") if key in told[0]
        )
        count = f"{len(told)}" + (f", {failed} failed" if failed else "")
        seconds = f"{mean(row['seconds'] for row in told):.0f}" if "seconds" in told[0] else ""
        rows.append([name, count, *accuracies, _gain(found.get(name, [])), views, f"{told[0]['parameters']:,}", seconds])
    return f"### {stage.name}\n\n{table(HEAD, rows)}"


def _spread(values: Sequence[float]) -> str:
    if not values:
        return ""
    return f"{mean(values):.2f}" + (f" ({stdev(values):.2f})" if len(values) > 1 else "")


def _gain(values: Sequence[float]) -> str:
    if not values:
        return ""
    spread = f" ({100 * stdev(values):.2f})" if len(values) > 1 else ""
    return f"{100 * mean(values):+.2f}{spread}" + (" ✓" if worth_it(values) else "")
