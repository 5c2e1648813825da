"""The parts of the report's page that stand around its pictures and videos."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.labels import LabelSet
from mien.core.suffixes import known_suffix
from mien.core.types import ModelIdentity
from mien.report.cards import FULL, SMALL, count
from mien.report.charts import bar, clock, portion, safe, source_name
from mien.report.palette import colours

MOST_ERRORS = 500
SUFFIXES = (".html", ".htm")


@dataclass
class Totals:
    """What the head of the page says: counts, and for each label the faces in pictures and the seconds in videos, (C,)."""

    labels: LabelSet
    pictures: int = 0
    videos: int = 0
    frames: int = 0
    faces: int = 0
    empty: int = 0
    errors: int = 0
    still_faces: NDArray[np.int64] = field(init=False)
    moving_seconds: NDArray[np.float64] = field(init=False)
    broken: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.still_faces, self.moving_seconds = np.zeros(len(self.labels), np.int64), np.zeros(len(self.labels))

    def fail(self, source: str, error: str) -> None:
        """Count an error; the first `MOST_ERRORS` are kept."""
        self.errors += 1
        if len(self.broken) < MOST_ERRORS:
            self.broken.append((source, error))


def check_report(path: str | Path) -> None:
    """Raise UnknownNameError unless `path` ends as a page does: a report never takes the place of a picture or a table."""
    known_suffix(path, SUFFIXES, "report suffix")


def head(title: str, labels: LabelSet, *sheets: str) -> str:
    """Everything before the body's content, with the style sheets `sheets` of the assets after the common one.

    Nothing may be fetched, and no script but the page's own may run.
    """
    style, script = "".join(map(_asset, ("report.css", *sheets))), _asset("report.js")
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'"
    palette = "".join(
        f'.k{i}{{--c:{colour}}}body[data-only="{i}"] .band:not(.k{i}){{opacity:.1}}' for i, colour in enumerate(colours(labels).values())
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light dark">\n'
        f'<link rel="icon" href="data:,">\n<title>{safe(title)}</title>\n<style>{style}{palette}</style>\n</head>\n<body>\n'
    )


def opening(title: str, model: ModelIdentity, detector: str, totals: Totals, created: datetime) -> str:
    """Title, what was used, and how much was seen."""
    facts = (
        ("Model", f'{safe(model.name)} <code title="SHA-256 {safe(model.sha256)}">{safe(model.sha256[:12])}</code>'),
        ("Labels", f"{safe(model.labels.name)} ({len(model.labels)})"),
        ("Detector", safe(detector)),
        ("Made", f'<time datetime="{created.isoformat(timespec="seconds")}">{created:%d %B %Y, %H:%M}</time>'),
    )
    tiles = (
        (totals.pictures, "picture"),
        (totals.videos, "video"),
        (totals.frames, "frame"),
        (totals.faces, "face"),
        (totals.errors, "error"),
    )
    shown = "".join(f"<li><b>{number:,}</b> {noun}{'' if number == 1 else 's'}</li>" for number, noun in tiles if number or noun == "face")
    terms = "".join(f"<div><dt>{key}</dt><dd>{value}</dd></div>" for key, value in facts)
    return (
        f'<header class="page"><p class="mark">mien</p><h1>{safe(title)}</h1>'
        f'<dl>{terms}</dl></header>\n<main>\n<ul class="tiles">{shown}</ul>\n'
    )


def summary(totals: Totals) -> str:
    """How often each expression was the highest; nothing where there is at most one face, whose card says it all."""
    groups = []
    if totals.still_faces.any():
        words = f"In pictures: {count(int(totals.still_faces.sum()), 'face')}"
        groups.append(_distribution(words, totals.labels, totals.still_faces.astype(np.float64), lambda v: f"{v:,.0f}"))
    if totals.moving_seconds.any():
        words = f"In videos: {clock(float(totals.moving_seconds.sum()))} of face time"
        groups.append(_distribution(words, totals.labels, totals.moving_seconds, clock))
    if not groups or (totals.faces == 1 and not totals.videos):
        return ""
    empty = f'<p class="note">{count(totals.empty, "frame")} without a face.</p>' if totals.empty else ""
    return f'<section><h2>Expressions</h2><div class="card totals"><div class="pair">{"".join(groups)}</div>{empty}</div></section>\n'


def caution(metrics: Sequence[Mapping[str, Any]]) -> str:
    """What such numbers can't say, and how well the model was measured to do."""
    tested = [metric for metric in metrics if metric["split"] == "test"] or metrics
    measured = "".join(f"<li>{_metric(metric)}</li>" for metric in tested)
    none = "<p>No measurement came with this model.</p>"
    accuracy = f"<p>Measured on faces that were kept out of its training:</p><ul>{measured}</ul>" if measured else none
    return Template(_asset("caution.html")).substitute(accuracy=accuracy)


def failures(totals: Totals) -> str:
    """The sources that could not be read, or broke off."""
    if not totals.errors:
        return ""
    rows = "".join(f'<tr><th scope="row">{source_name(source)}</th><td>{safe(error)}</td></tr>' for source, error in totals.broken)
    more = f'<p class="note">{count(totals.errors - len(totals.broken), "more error")}.</p>' if totals.errors > len(totals.broken) else ""
    heads = '<thead><tr><th scope="col">Source</th><th scope="col">What went wrong</th></tr></thead>'
    table = f'<table class="errors">{heads}<tbody>{rows}</tbody></table>'
    return f'<section><h2>Errors</h2><div class="card wide">{table}{more}</div></section>\n'


def gallery_note(pictures: int, small: int, hidden: int) -> str:
    """Which pictures are shown small, or not at all."""
    parts = [f"The first {FULL} of {pictures:,} pictures are shown with every score, {small:,} small"] if small else []
    parts += [f"{hidden:,} after the first {SMALL:,} are in the totals and tables alone"] if hidden else []
    return f'<p class="note">{"; ".join(parts)}.</p>' if parts else ""


def closing() -> str:
    """The end of the page, with its script."""
    words = "Made with mien. This page needs no network: everything is in this file."
    return f"</main>\n<footer>{words}</footer>\n<script>{_asset('report.js')}</script>\n</body>\n</html>\n"


def _distribution(words: str, labels: LabelSet, values: NDArray[np.float64], form: Any) -> str:
    shares = values / values.sum()
    rows = "".join(
        f"<tr><th scope='row'>{safe(label)}</th><td>{bar(i, share)}</td><td>{form(value) if value else '–'}</td>"
        f"<td>{portion(share) if value else ''}</td></tr>"
        for i, (label, share, value) in enumerate(zip(labels, shares.tolist(), values.tolist(), strict=True))
    )
    return f'<table class="distribution"><caption>{words}</caption><tbody>{rows}</tbody></table>'


def _metric(metric: Mapping[str, Any]) -> str:
    overall, clean = metric["overall"], metric.get("clean")
    interval = overall["accuracy_interval"]
    on = f"{safe(metric['dataset'])} {safe(metric['split'])}, {len(overall['labels'])} labels"
    words = (
        f"<b>{overall['accuracy']:.1%}</b> right of {overall['n']:,}, {on} (95% interval {interval['low']:.1%} to {interval['high']:.1%})"
    )
    return words + (f"; {clean['accuracy']:.1%} of the {clean['n']:,} without a twin in the training set" if clean else "")


def _asset(name: str) -> str:
    return resources.files("mien.report").joinpath("assets", name).read_text(encoding="utf-8")
