"""The chapter of one model on the page of an evaluation: everything about its figures on one split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mien.core.labels import LabelSet
from mien.datasets.base import Dataset
from mien.evaluation.run import SplitEvaluation
from mien.evaluation.selective import COVERAGES
from mien.report.cards import count
from mien.report.charts import safe
from mien.report.evaluation_charts import Curve, reliability_diagram, risk_coverage
from mien.report.evaluation_pictures import mistakes, twin_pairs, twins, votes_of
from mien.report.evaluation_tables import classes, confusion, groups
from mien.report.evaluation_values import Entry, cell, heads, share, table
from mien.report.palette import colours

if TYPE_CHECKING:
    from mien.evaluation.calibration import Recalibration

_KEYS = (("", "right"), ("over", "less often right than sure"), ("under", "more often right than sure"), ("line", "confidence met"))
_BARS = f'<ul class="keys">{"".join(f"<li><i class={kind!r}></i>{words}</li>" for kind, words in _KEYS)}</ul>'


def chapter(entry: Entry, dataset: Dataset | None, number: int, top: int) -> str:
    """Everything about one entry; `number` names its place on the page, `dataset` gives the pictures."""
    result = entry.result
    notes = "".join(f'<p class="note">{safe(note)}</p>' for note in entry.notes)
    parts = [_matrices(result), _classes(result), _confidence(result), _leaks(result, dataset), _slices(entry), _whole(entry)]
    wrong = int(((result.predicted != result.targets) & ~result.missing).sum())
    if top and wrong:
        parts.append(_surest(result, dataset, top, wrong))
    name = f"{safe(entry.name)} <small>{safe(result.dataset)} {safe(result.split)}</small>"
    return f'<section class="chapter" id="m{number}"{_palette(result.overall.labels)}><h2>{name}</h2>{notes}{"".join(parts)}</section>\n'


def _palette(labels: LabelSet) -> str:
    """A page may show models of several label sets, so each chapter has colours of its own."""
    style = ";".join(f"--k{place}:{colour}" for place, colour in enumerate(colours(labels).values()))
    return f' style="{style}"'


def _part(title: str, note: str, inside: str) -> str:
    told = f'<p class="note">{note}</p>' if note else ""
    return f"<section><h3>{title}</h3>{told}{inside}</section>\n"


def _matrices(result: SplitEvaluation) -> str:
    figures = result.overall
    both = "".join(f"<div>{confusion(figures.confusion, figures.missing, figures.labels, shares=shares)}</div>" for shares in (False, True))
    note = "A row is what the images show, a column what the model calls them; both tables are inked by the share of the row."
    return _part("What is taken for what", note, f'<div class="card matrices">{both}</div>')


def _classes(result: SplitEvaluation) -> str:
    note = (
        "Precision: how often the word is right where the model says it. Recall: how many of the images that show it are found. "
        "Lines are 95% intervals."
    )
    return _part("Each expression", note, classes(result.overall.per_class))


def _confidence(result: SplitEvaluation) -> str:
    figures = result.overall
    bins, curve = figures.reliability, figures.selective
    left = reliability_diagram(bins.edges, bins.count, bins.confidence, bins.accuracy) if bins.count.any() else ""
    right = risk_coverage([Curve("", curve.coverage, curve.accuracy)])
    rows = "".join(
        f'<tr><th scope="row">{part:.0%}</th><td>{share(curve.accuracy_at(part))}</td><td>{curve.threshold_at(part):.3f}</td></tr>'
        for part in (*COVERAGES, 1.0)
    )
    answered = (
        f'<table class="figures"><thead><tr>{heads("Answered", "Right", "Confidence from")}</tr></thead><tbody>{rows}</tbody></table>'
    )
    area = f'<p class="note">Area under the risk–coverage curve (AURC): {curve.aurc:.4f}; 0 is best.</p>'
    inside = (
        f'<div class="card charts"><div><h4>Is the confidence met?</h4>{left}{_BARS}{_calibration(result)}</div>'
        f"<div><h4>What is gained by not answering when unsure</h4>{right}{answered}{area}</div></div>"
    )
    return _part("Confidence", "", inside)


def _calibration(result: SplitEvaluation) -> str:
    figures = result.overall
    words = [
        f"Expected calibration error (ECE): <b>{figures.ece:.4f}</b>",
        f"a perfectly calibrated model would show about {figures.ece_by_chance:.4f} on so many images",
    ]
    if result.uncalibrated_ece is not None:
        words.append(f"without the model's own calibration {result.uncalibrated_ece:.4f}")
    told = f'<p class="note">{"; ".join(words)}.</p>'
    return told + (_recalibrated(result.recalibrated) if result.recalibrated is not None else "")


def _recalibrated(again: Recalibration) -> str:
    return (
        f'<p class="note">One more temperature, {again.temperature:.3f}, fitted on {again.n:,} validation images: '
        f"ECE {again.ece_before:.4f} → {again.ece_after:.4f}, log-loss {again.log_loss_before:.4f} → {again.log_loss_after:.4f}.</p>"
    )


def _leaks(result: SplitEvaluation, dataset: Dataset | None) -> str:
    """What was left out as a twin of a training image, and how much easier that was than the rest."""
    if result.clean is None:
        return ""
    left_out = int((~result.kept).sum())
    if not left_out:
        return _part("Images that training has seen", "None of these images has an exact twin among the training images.", "")
    right = result.predicted == result.targets
    pairs = [] if dataset is None else twin_pairs(result, dataset)
    same = sum(dataset.targets[row] == dataset.targets[twin] for row, twin in pairs if twin >= 0) if dataset is not None else 0
    among = f" {same:,} of them with the same label." if pairs else ""
    note = (
        f"{count(left_out, 'image')} of {len(result.rows):,} have an exact twin among the training images.{among} The model is right on "
        f"{share(float(right[~result.kept].mean()))} of them, and on {share(float(right[result.kept].mean()))} of the others."
    )
    return _part("Images that training has seen", note, f'<div class="card">{twins(pairs, dataset)}</div>' if dataset is not None else "")


def _slices(entry: Entry) -> str:
    return "".join(_part(f"By {safe(one.column)}", *groups(one)) for one in entry.slices)


def _whole(entry: Entry) -> str:
    """The figure from whole pictures beside that on given crops."""
    if entry.whole is None:
        return ""
    crops, whole = entry.result.overall, entry.whole.result.overall
    found = whole.n - int(whole.missing.sum())
    seen = entry.whole.result.missing
    given = float((entry.result.predicted == entry.result.targets)[~seen].mean()) if found else float("nan")
    rows = "".join(
        f'<tr><th scope="row">{name}</th><td>{one.n:,}</td>{cell(one.accuracy, one.accuracy_interval)}'
        f"{cell(one.macro_f1, one.macro_f1_interval, '.3f')}</tr>"
        for name, one in (("on given crops", crops), (f"from whole pictures, {safe(entry.whole.detector)}", whole))
    )
    note = (
        f"{safe(entry.whole.detector)} found a face in {found:,} of {whole.n:,} pictures ({share(found / whole.n)}); the others count as "
        "wrong. "
        f"On the given crops of those where it found one the model is right on {'–' if np.isnan(given) else share(given)}."
    )
    return _part("From whole pictures", note, table("", heads("", "Images", "Accuracy", "Macro-F1"), rows))


def _surest(result: SplitEvaluation, dataset: Dataset | None, top: int, wrong: int) -> str:
    note = f"The {min(top, wrong):,} of {count(wrong, 'wrong answer')} that the model was surest of. Bars: its scores"
    note += ", and below them the votes." if votes_of(dataset, result) is not None else "."
    return _part("The surest mistakes", note, mistakes(result, dataset, top))
