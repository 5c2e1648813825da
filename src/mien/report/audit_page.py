"""The page of an audit: what is wrong with a data set, with the pictures side by side; one HTML file that opens offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import InputError
from mien.core.files import write_text
from mien.datasets.base import Dataset
from mien.report.audit_pictures import gallery
from mien.report.audit_tables import class_table, detail, kept_table
from mien.report.cards import count
from mien.report.charts import safe
from mien.report.page import check_report, closing, head

_NOUNS = {"leak": "leak", "fault": "fault", "note": "note"}


class Finding(Protocol):
    """What the page reads of a finding."""

    @property
    def kind(self) -> str:
        """What was found, words joined by underscores."""

    @property
    def severity(self) -> str:
        """One of "leak", "fault" and "note"."""

    @property
    def summary(self) -> str:
        """One sentence with the figures."""

    @property
    def rows(self) -> NDArray[np.int64]:
        """The rows concerned, int64 (M,)."""

    @property
    def groups(self) -> Sequence[NDArray[np.int64]]:
        """Rows that belong together; empty where rows stand alone."""

    @property
    def scores(self) -> Sequence[float]:
        """A correlation for each group, or none at all."""

    @property
    def detail(self) -> Mapping[str, Any]:
        """Figures by name."""


def write_audit(
    path: str | Path,
    dataset: Dataset,
    findings: Sequence[Finding],
    *,
    checks: Sequence[str],
    about: Mapping[str, str],
    remedies: Mapping[str, Sequence[str]],
    kept: Mapping[str, Mapping[str, int]] | None = None,
    command: str = "",
) -> None:
    """Write the page of `findings` in `dataset`, the worst first as they are given.

    `checks`: the kinds that were looked for. `about`: kind → what it is about, for every kind there is. `remedies`: kind → rules that a
    cleaned manifest may use against it. `kept`: split → "rows", "kept" and how many rows each rule dropped, where a cleaned manifest was
    written. `command`: what makes the page again.

    Raises
    ------
    UnknownNameError
        A suffix other than .html or .htm.
    InputError
        A finding names a row that the data set does not have.
    OutputError
        The file can't be written there.
    """
    check_report(path)
    beyond = [
        finding.kind for finding in findings if len(finding.rows) and not 0 <= finding.rows.min() <= finding.rows.max() < len(dataset)
    ]
    if beyond:
        raise InputError(
            f"The finding {beyond[0]} names rows beyond the {len(dataset):,} of {dataset.name}. Give the data set that was audited."
        )
    title = f"Audit of {dataset.name}"
    cards = "".join(_card(dataset, finding, about, remedies) for finding in findings)
    parts = (
        head(title, dataset.labels, "audit.css"),
        _opening(title, dataset, findings, command),
        _verdict(findings, checks, about),
        class_table(dataset),
        kept_table(kept) if kept else "",
        f"<section><h2>Findings</h2>{cards}</section>\n" if cards else "",
        closing(),
    )
    write_text(path, "".join(parts))


def words(kind: str) -> str:
    """A kind in words: "Twins across splits"."""
    return kind.replace("_", " ").capitalize()


def _opening(title: str, dataset: Dataset, findings: Sequence[Finding], command: str) -> str:
    now, origin = datetime.now().astimezone(), dataset.origin
    height, width = dataset.images.shape[1:3]
    fold = f", {safe(origin.fold)}" if origin.fold else ""
    mark = f' <code title="SHA-256 {safe(origin.sha256)}">{safe(origin.sha256[:12])}</code>' if origin.sha256 else ""
    facts = [
        ("Data set", safe(dataset.name)),
        ("Labels", f"{safe(dataset.labels.name)} ({len(dataset.labels)})"),
        ("Pictures", f"{width} × {height}, {'gray' if dataset.images.ndim == 3 else 'colour'}"),
        ("Split", f"{safe(origin.protocol)}{fold}{mark}"),
        ("Made", f'<time datetime="{now.isoformat(timespec="seconds")}">{now:%d %B %Y, %H:%M}</time>'),
    ]
    facts += [("Made again by", f"<code>{safe(command)}</code>")] if command else []
    terms = "".join(f"<div><dt>{key}</dt><dd>{value}</dd></div>" for key, value in facts)
    numbers = [(len(dataset), "row"), *((sum(f.severity == severity for f in findings), noun) for severity, noun in _NOUNS.items())]
    tiles = "".join(f"<li><b>{number:,}</b> {noun}{'' if number == 1 else 's'}</li>" for number, noun in numbers)
    return (
        f'<header class="page"><p class="mark">mien</p><h1>{safe(title)}</h1>'
        f'<dl>{terms}</dl></header>\n<main>\n<ul class="tiles">{tiles}</ul>\n'
    )


def _verdict(findings: Sequence[Finding], checks: Sequence[str], about: Mapping[str, str]) -> str:
    """What it comes to, and what was and was not looked for."""
    worst = next((severity for severity in ("leak", "fault") if any(f.severity == severity for f in findings)), "fine")
    said = {
        "leak": "This split leaks: figures measured on it are too good.",
        "fault": "No leak was found, but there are rows that no figure should rest on as they are.",
        "fine": "No leak and no fault was found.",
    }[worst]
    looked = ", ".join(words(kind).lower() for kind in about if kind in checks)
    missed = ", ".join(words(kind).lower() for kind in about if kind not in checks)
    if "twins_across_splits" not in checks:
        said += " There is one split alone: whether rows of it are in another was not looked for."
    lines = f'<p class="said">{said}</p><p class="note">Looked for: {safe(looked)}.</p>'
    lines += f'<p class="note">Not looked for: {safe(missed)}.</p>' if missed else ""
    return f'<section class="card verdict {worst}">{lines}</section>\n'


def _card(dataset: Dataset, finding: Finding, about: Mapping[str, str], remedies: Mapping[str, Sequence[str]]) -> str:
    tone = "note-finding" if finding.severity == "note" else finding.severity
    size = f"<p>{count(len(finding.groups), 'group')}, {count(len(finding.rows), 'row')}</p>" if finding.groups else ""
    rules = " or ".join(f"<code>{safe(rule)}</code>" for rule in remedies.get(finding.kind, ()))
    todo = f'<p class="note">A cleaned manifest takes it out by the rule {rules}.</p>' if rules and tone != "note-finding" else ""
    parts = (
        f'<header><h3><span class="seal">{safe(finding.severity)}</span>{safe(words(finding.kind))}</h3>{size}</header>',
        f"<p>{safe(finding.summary)}</p>",
        f'<p class="about">{safe(about.get(finding.kind, "").capitalize())}.</p>',
        detail(finding.kind, finding.detail),
        gallery(dataset, finding.rows, finding.groups, finding.scores),
        todo,
    )
    return f'<article class="card finding {tone}">{"".join(parts)}</article>\n'
