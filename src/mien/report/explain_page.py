"""The page of explanations: pictures with a map of each face, or a data set with the means of its classes; one file that opens offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from mien.core.files import write_text
from mien.core.types import ModelIdentity
from mien.report import page
from mien.report.cards import count
from mien.report.charts import safe
from mien.report.explain_parts import averages, class_card, source_card
from mien.report.explain_values import WAYS, ExplainedClass, ExplainedSource

MOST_FACES = 300
"""Faces that the page of pictures shows; the others are counted."""
SHEET = "explain.css"
_LEAD = (
    "An explanation shows which parts of the picture the model used for a label, not what the face felt, and not why a person would say "
    "the same. Two methods may differ and both be right: they answer different questions. A map that lies beside the face, on hair, "
    "clothes or the border, is a reason to doubt the answer. The share of a region is held against its area, the share that a map "
    "without any preference would have there."
)


@dataclass(frozen=True)
class Setting:
    """What was asked for: the `model` that was explained, `methods` with their options, and what else stands in the head, `facts`.

    `framing`: how the crops were cut. `metrics`: how the model was measured, as its card says. `command`: what makes the page again.
    """

    model: ModelIdentity
    methods: Mapping[str, Mapping[str, Any]]
    facts: Sequence[tuple[str, str]] = ()
    framing: str = "fer2013"
    metrics: Sequence[Mapping[str, Any]] = ()
    command: str = ""


@dataclass(frozen=True)
class Check:
    """A method held against random weights: the mean agreement of `n` pairs of maps (rank correlation, -1–1)."""

    method: str
    agreement: float
    n: int

    @property
    def meaning(self) -> str:
        """One sentence: what the figure means."""
        if self.agreement < 0.25:
            return "With random weights the maps look otherwise: they show what the model has learned."
        if self.agreement < 0.6:
            return "With random weights the maps are partly the same: some of what they show is the picture, not what was learned."
        return "With random weights the maps are much the same: they show the picture, not what the model has learned. Don't rely on them."


@dataclass
class PicturesPage:
    """The page of pictures: `add` each source as it comes, then `write`. The first MOST_FACES faces are shown."""

    setting: Setting
    totals: page.Totals = field(init=False)

    def __post_init__(self) -> None:
        self.totals = page.Totals(self.setting.model.labels)
        self._cards: list[str] = []

    def add(self, source: ExplainedSource) -> None:
        """Take in a source; nothing of its pictures is kept but what the page shows."""
        totals, before = self.totals, self.totals.faces
        totals.pictures += source.image is not None
        totals.faces += len(source.faces)
        if source.error is not None:
            totals.fail(source.info.source, source.error)
        if source.faces and before < MOST_FACES:
            self._cards.append(source_card(source, self.setting.framing, most=MOST_FACES - before))

    def write(self, path: str | Path, checks: Sequence[Check] = ()) -> None:
        """Write the page. Raises UnknownNameError for another suffix, OutputError where it can't be written."""
        page.check_report(path)
        hidden = self.totals.faces - MOST_FACES
        more = f'<p class="note">The first {MOST_FACES} faces are shown; {count(hidden, "more face")} were explained.</p>' * (hidden > 0)
        cards = f"<section><h2>Faces</h2>{more}{''.join(self._cards)}</section>\n" if self._cards else ""
        numbers = [(self.totals.pictures, "picture"), (self.totals.faces, "face"), (self.totals.errors, "error")]
        body = page.failures(self.totals) + cards
        write_text(path, _whole("Where the evidence lies", self.setting, numbers, body, checks))


def write_classes(path: str | Path, classes: Sequence[ExplainedClass], setting: Setting, title: str, checks: Sequence[Check] = ()) -> None:
    """Write the page of a data set: the mean of each class, then its examples.

    Raises UnknownNameError for another suffix than .html and .htm, OutputError where it can't be written.
    """
    page.check_report(path)
    numbers = [(len(classes), "label"), (sum(len(one.rows) for one in classes), "face")]
    empty = [one.label for one in classes if not one.maps]
    none = f'<p class="note">No face was drawn of: {safe(", ".join(empty))}.</p>' if empty else ""
    cards = "".join(class_card(one) for one in classes if one.examples)
    body = f"{averages(classes, setting.framing)}{none}<section><h2>Examples</h2>{cards}</section>\n"
    write_text(path, _whole(title, setting, numbers, body, checks))


def _whole(title: str, setting: Setting, numbers: Sequence[tuple[int, str]], body: str, checks: Sequence[Check]) -> str:
    parts = (
        page.head(title, setting.model.labels, SHEET),
        _opening(title, setting, numbers),
        body,
        _checks(checks),
        _reading(setting.methods),
        page.caution(setting.metrics),
        page.closing(),
    )
    return "".join(parts)


def _opening(title: str, setting: Setting, numbers: Sequence[tuple[int, str]]) -> str:
    now, model = datetime.now().astimezone(), setting.model
    mark = f' <code title="SHA-256 {safe(model.sha256)}">{safe(model.sha256[:12])}</code>' if model.sha256 else ""
    facts = [
        ("Model", safe(model.name) + mark),
        ("Labels", f"{safe(model.labels.name)} ({len(model.labels)})"),
        ("Methods", ", ".join(_method(name, options) for name, options in setting.methods.items())),
        *((name, safe(value)) for name, value in setting.facts),
        ("Made", f'<time datetime="{now.isoformat(timespec="seconds")}">{now:%d %B %Y, %H:%M}</time>'),
    ]
    facts += [("Made again by", f"<code>{safe(setting.command)}</code>")] if setting.command else []
    terms = "".join(f"<div><dt>{key}</dt><dd>{value}</dd></div>" for key, value in facts)
    tiles = "".join(
        f"<li><b>{number:,}</b> {noun}{'' if number == 1 else 's'}</li>" for number, noun in numbers if number or noun == "face"
    )
    return (
        f'<header class="page"><p class="mark">mien</p><h1>{safe(title)}</h1><dl>{terms}</dl></header>\n<main>\n'
        f'<ul class="tiles">{tiles}</ul>\n'
    )


def _method(name: str, options: Mapping[str, Any]) -> str:
    chosen = ", ".join(f"{safe(key)}={safe(value)}" for key, value in options.items())
    return safe(WAYS[name].title.lower() if name != "gradcam" else WAYS[name].title) + (f" ({chosen})" if chosen else "")


def _reading(methods: Mapping[str, Any]) -> str:
    """What the maps say, and what they can't."""
    ways = "".join(
        f'<div><h3>{safe(WAYS[name].title)}</h3><p>{safe(WAYS[name].reading)}</p><p class="note">{safe(WAYS[name].limits)}</p></div>'
        for name in methods
    )
    text = f'<p class="lead">{_LEAD}</p><div class="ways">{ways}</div>'
    return f'<section><h2>How to read the maps</h2><div class="card">{text}</div></section>\n'


def _checks(checks: Sequence[Check]) -> str:
    if not checks:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{safe(WAYS[one.method].title)}</th><td>{one.agreement:+.2f}</td><td>{safe(one.meaning)}</td></tr>'.replace(
            "<td>-", "<td>−"
        )
        for one in checks
    )
    heads = '<thead><tr><th scope="col">Method</th><th scope="col">Agreement</th><th scope="col">What it means</th></tr></thead>'
    note = (
        f"The same {count(checks[0].n, 'face')}, explained by the same network with all its weights drawn anew. Agreement is the rank "
        "correlation of the two maps: 1 is the same map, 0 nothing in common (Adebayo et al., 2018)."
    )
    return (
        '<section><h2>Held against random weights</h2><div class="card wide">'
        f'<table class="checks">{heads}<tbody>{rows}</tbody></table><p class="note">{note}</p></div></section>\n'
    )
