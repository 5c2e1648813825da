"""The parts of the report's page that stand around its pictures and videos."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.labels import LabelSet
from mien.core.types import ModelIdentity
from mien.report.cards import FULL, SMALL, count
from mien.report.charts import bar, clock, percent_html, safe
from mien.report.palette import colours

MOST_ERRORS = 500


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


def head(title: str, labels: LabelSet) -> str:
    """Everything before the body's content. Nothing may be fetched, and no script but the page's own may run."""
    style, script = _asset("report.css"), _asset("report.js")
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
    tiles = ((totals.pictures, "picture"), (totals.videos, "video"), (totals.frames, "frame"), (totals.faces, "face"), (totals.errors, "error"))
    shown = "".join(f"<li><b>{number:,}</b> {noun}{'' if number == 1 else 's'}</li>" for number, noun in tiles if number or noun == "face")
    terms = "".join(f"<div><dt>{key}</dt><dd>{value}</dd></div>" for key, value in facts)
    return (
        f'<header class="page"><p class="mark">mien</p><h1>{safe(title)}</h1>'
        f'<dl>{terms}</dl></header>\n<main>\n<ul class="tiles">{shown}</ul>\n'
    )


def summary(totals: Totals) -> str:
    """How often each expression was the highest; its names switch the others in all charts off."""
    groups = []
    if totals.still_faces.any():
        words = f"In pictures: {count(int(totals.still_faces.sum()), 'face')}"
        groups.append(_distribution(words, totals.labels, totals.still_faces.astype(np.float64), lambda v: f"{v:,.0f}"))
    if totals.moving_seconds.any():
        words = f"In videos: {clock(float(totals.moving_seconds.sum()))} of faces"
        groups.append(_distribution(words, totals.labels, totals.moving_seconds, clock))
    legend = "".join(
        f'<button type="button" class="k{i}" data-label="{i}" aria-pressed="false"><i class="dot"></i>{safe(label)}</button>'
        for i, label in enumerate(totals.labels)
    )
    if not groups:
        return '<section><h2>Expressions</h2><p class="note">No face was found.</p></section>\n'
    empty = f'<p class="note">{count(totals.empty, "frame")} without a face.</p>' if totals.empty else ""
    return (
        f'<section><h2>Expressions</h2><div class="card totals"><div class="pair">{"".join(groups)}</div>{empty}'
        f'<div class="legend" role="group" aria-label="Show one expression alone">{legend}</div></div></section>\n'
    )


def caution(metrics: Sequence[Mapping[str, Any]]) -> str:
    """What such numbers can't say, and how well the model was measured to do."""
    measured = "".join(f"<li>{_metric(metric)}</li>" for metric in metrics)
    accuracy = f"Measured on faces that were kept from its training:</p><ul>{measured}</ul>" if measured else "No measurement came with this model.</p>"
    return (
        '<section class="card caution" aria-labelledby="caution"><h2 id="caution">How to read these numbers</h2>'
        "<p><b>An expression is not an emotion.</b> The model names what a face looks like in one frame. What a person feels, means or intends does "
        "not follow from it: people smile without joy and grieve without tears, and pose, light, age and culture change how a face is read.</p>"
        "<p><b>A score is a share of votes, not a fact.</b> The model learned from people who looked at pictures and voted for a label. Its scores say how "
        "such people would vote; they often disagree with each other, and with the person in the picture.</p>"
        f"<p><b>It errs.</b> {accuracy}"
        "<p>On other cameras, ages and groups of people it may do worse, and not equally so. These numbers are no ground for decisions about a person; in "
        "the European Union, inferring emotions at work and in education is prohibited, save for medical or safety reasons (Regulation (EU) 2024/1689, "
        "Article 5).</p></section>\n"
    )


def failures(totals: Totals) -> str:
    """The sources that could not be read, or broke off."""
    if not totals.errors:
        return ""
    rows = "".join(f'<tr><th scope="row"><bdi>{safe(source)}</bdi></th><td>{safe(error)}</td></tr>' for source, error in totals.broken)
    more = f'<p class="note">{count(totals.errors - len(totals.broken), "more error")}.</p>' if totals.errors > len(totals.broken) else ""
    return (
        f'<section id="errors"><h2>Errors</h2><div class="card wide"><table class="errors"><thead><tr><th scope="col">Source</th><th scope="col">What went '
        f"wrong</th></tr></thead><tbody>{rows}</tbody></table>{more}</div></section>\n"
    )


def gallery_note(pictures: int, small: int, hidden: int) -> str:
    """Which pictures are shown small, or not at all."""
    parts = [f"The first {FULL} of {pictures:,} pictures are shown with every score, {small:,} small"] if small else []
    parts += [f"{hidden:,} after the first {SMALL:,} are in the totals and tables alone"] if hidden else []
    return f'<p class="note">{"; ".join(parts)}.</p>' if parts else ""


def closing() -> str:
    """The end of the page, with its script."""
    return f"</main>\n<footer>Made with mien. This page needs no network: everything is in this file.</footer>\n<script>{_asset('report.js')}</script>\n</body>\n</html>\n"


def _distribution(words: str, labels: LabelSet, values: NDArray[np.float64], form: Any) -> str:
    shares = values / values.sum()
    rows = "".join(
        f"<tr><th scope='row'>{safe(label)}</th><td>{bar(i, share)}</td><td>{form(value) if value else '–'}</td>"
        f"<td>{percent_html(share) if value else ''}</td></tr>"
        for i, (label, share, value) in enumerate(zip(labels, shares.tolist(), values.tolist(), strict=True))
    )
    return f'<table class="distribution"><caption>{words}</caption><tbody>{rows}</tbody></table>'


def _metric(metric: Mapping[str, Any]) -> str:
    overall, clean = metric["overall"], metric.get("clean")
    interval = overall["accuracy_interval"]
    words = f"{safe(metric['dataset'])} {safe(metric['split'])}, {len(overall['labels'])} labels: right on {overall['accuracy']:.1%} of {overall['n']:,}"
    words += f" (95 % interval {interval['low']:.1%} – {interval['high']:.1%})"
    return words + (f"; {clean['accuracy']:.1%} of the {clean['n']:,} without a twin in the training set" if clean else "")


def _asset(name: str) -> str:
    return resources.files("mien.report").joinpath("assets", name).read_text(encoding="utf-8")
