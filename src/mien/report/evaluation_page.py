"""The page of an evaluation: one model's figures on a split in full, or several models side by side. It opens offline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from mien.core.errors import InputError
from mien.core.files import write_text
from mien.datasets.base import Dataset
from mien.evaluation.run import SplitEvaluation
from mien.report.charts import safe
from mien.report.evaluation_chapters import chapter
from mien.report.evaluation_compare import across, costs, differences, together
from mien.report.evaluation_values import Entry, Whole, cell, heads, reach, share, span, table
from mien.report.page import check_report, closing, head

__all__ = ["Entry", "Whole", "write_evaluation"]

TITLE = "Evaluation"
TOP = 24
SHEET = "evaluation.css"

_MEANINGS = (
    ("Accuracy", "the share of images whose highest score is the right expression."),
    (
        "Macro-F1",
        "the mean over expressions of F1, the harmonic mean of precision and recall: rare expressions count as much as frequent ones.",
    ),
    ("Balanced accuracy", "the mean over expressions of the share found."),
    ("Log-loss", "the mean of −ln of the score given to the truth, in nats; 0 is best."),
    ("Brier", "the mean squared distance between the scores and the truth, 0 to 2; 0 is best."),
    ("ECE", "expected calibration error: the mean distance between confidence and accuracy over 15 bins; 0 is best."),
    ("KL to votes", "how far the scores lie from the shares of the people's votes, in nats; 0 is best."),
    (
        "Interval",
        "95% of samples drawn again from these images, groups of images that belong together drawn as one, have their figure there.",
    ),
    ("Clean", "without the images that have an exact twin among the training images."),
)


def write_evaluation(
    path: str | Path,
    entries: Sequence[Entry],
    datasets: Dataset | Sequence[Dataset] = (),
    *,
    title: str = TITLE,
    command: str = "",
    top: int = TOP,
) -> None:
    """Write the page of `entries` to `path`: one HTML file that needs no network.

    Entries on one split of one data set stand together, the first of them as the one that the others are compared with. `datasets`: those
    that the entries were judged on, whole, found by their names; without them the page has no pictures. `command`: what makes the page
    again. `top`: how many mistakes of each entry are shown.

    Raises
    ------
    InputError
        No entries.
    UnknownNameError
        A suffix other than .html or .htm.
    OutputError
        The file can't be written there.
    """
    check_report(path)
    if not entries:
        raise InputError("A page of an evaluation needs at least one entry; received none.")
    known = {one.name: one for one in ([datasets] if isinstance(datasets, Dataset) else datasets)}
    write_text(path, "".join(_page(entries, known, title, command, top)))


def _page(entries: Sequence[Entry], datasets: dict[str, Dataset], title: str, command: str, top: int) -> Iterator[str]:
    yield head(title, entries[0].result.overall.labels, SHEET)
    yield _opening(entries, title)
    yield _cautions(entries)
    yield across(entries)
    for where in dict.fromkeys(_where(entry) for entry in entries):
        rows = [entry for entry in entries if _where(entry) == where]
        yield _figures(rows, safe(where))
        yield differences(rows) + together(rows)
    yield costs(entries)
    for number, entry in enumerate(entries, start=1):
        yield chapter(entry, datasets.get(entry.result.dataset), number, top)
    yield _again(entries, command)
    yield closing()


def _opening(entries: Sequence[Entry], title: str) -> str:
    first, now = entries[0], datetime.now().astimezone()
    code = f' <code title="SHA-256 {safe(first.sha256)}">{safe(first.sha256[:12])}</code>' if first.sha256 else ""
    several = len(entries) > 1
    pairs = dict.fromkeys(_where(entry) for entry in entries)
    facts = {
        "Models" if several else "Model": f"{len({entry.name for entry in entries}):,}" if several else safe(first.name) + code,
        "On": safe(", ".join(pairs)),
        "Labels": safe(", ".join(dict.fromkeys(f"{e.result.overall.labels.name} ({len(e.result.overall.labels)})" for e in entries))),
        "Split": safe(", ".join(dict.fromkeys(_protocol(entry.result) for entry in entries))),
        "Made": f'<time datetime="{now.isoformat(timespec="seconds")}">{now:%d %B %Y, %H:%M}</time>',
    }
    terms = "".join(f"<div><dt>{key}</dt><dd>{value}</dd></div>" for key, value in facts.items())
    links = "".join(f'<a href="#m{n}">{safe(e.name)} <small>{safe(e.result.dataset)}</small></a>' for n, e in enumerate(entries, start=1))
    contents = f'<nav class="contents">{links}</nav>' if several else ""
    tiles = "" if several else _tiles(first)
    return f'<header class="page"><p class="mark">mien</p><h1>{safe(title)}</h1><dl>{terms}</dl></header>\n<main>\n{tiles}{contents}'


def _where(entry: Entry) -> str:
    return f"{entry.result.dataset} {entry.result.split}"


def _protocol(result: SplitEvaluation) -> str:
    origin = result.origin
    fold = f", fold {origin.fold}" if origin.fold else ""
    return f"{origin.protocol}{fold}" + (f" ({origin.sha256[:12]})" if origin.sha256 else "")


def _tiles(entry: Entry) -> str:
    figures = entry.result.overall
    tiles = (
        (share(figures.accuracy), "accuracy", reach(figures.accuracy_interval)),
        (f"{figures.macro_f1:.3f}", "macro-F1", reach(figures.macro_f1_interval, ".3f")),
        (f"{figures.ece:.3f}", "calibration error", f"{figures.ece_by_chance:.3f} by chance alone"),
        (share(figures.selective.accuracy_at(0.8)), "right when the surest 80% are answered", ""),
        (f"{figures.n:,}", "images", f"{figures.groups:,} groups" if figures.groups < figures.n else ""),
    )
    return f'<ul class="tiles">{"".join(f"<li><b>{value}</b> {name}<small>{more}</small></li>" for value, name, more in tiles)}</ul>\n'


def _cautions(entries: Sequence[Entry]) -> str:
    """What stands against the figures, each sentence once, with the entries that it is about where there are several."""
    about: dict[str, list[str]] = {}
    places = len({entry.result.dataset for entry in entries})
    for entry in entries:
        for sentence in entry.result.warnings:
            about.setdefault(sentence, []).append(f"{entry.name} on {entry.result.dataset}" if places > 1 else entry.name)
    if not about:
        return ""
    several = len(entries) > 1
    whose = {said: f"<b>{safe(', '.join(names))}</b>: " if several else "" for said, names in about.items()}
    items = "".join(f"<li>{names}{safe(said)}</li>" for said, names in whose.items())
    return (
        f'<section class="card caution" aria-labelledby="care"><h2 id="care">Take these figures with care</h2><ul>{items}</ul></section>\n'
    )


def _figures(entries: Sequence[Entry], where: str) -> str:
    """The headline table of the entries on one split, all on one scale."""
    shown = [row for entry in entries for row in _measured(entry)]
    ends = [v for _, one, _ in shown for v in (one.accuracy_interval.low, one.accuracy_interval.high)]
    first, last = max(min(ends) - 0.02, 0), min(max(ends) + 0.02, 1)
    votes = any(one.kl_votes is not None for _, one, _ in shown)
    rows = []
    for name, one, kind in shown:
        kl = cell(one.kl_votes, form=".3f") if votes else ""
        rows.append(
            f'<tr{kind}><th scope="row">{name}</th><td>{one.n:,}</td>{cell(one.accuracy, one.accuracy_interval)}'
            f"<td>{span(one.accuracy, one.accuracy_interval, first, last)}</td>"
            + cell(one.macro_f1, one.macro_f1_interval, ".3f")
            + cell(one.balanced_accuracy, one.balanced_accuracy_interval, ".3f")
            + cell(one.log_loss, one.log_loss_interval, ".3f")
            + cell(one.brier, one.brier_interval, ".3f")
            + cell(one.ece, None, ".3f")
            + f"{kl}</tr>"
        )
    names = ("", "Images", "Accuracy", f"{first:.0%} to {last:.0%}", "Macro-F1", "Balanced acc.", "Log-loss", "Brier", "ECE")
    by = ", ".join(dict.fromkeys(entry.result.grouped_by for entry in entries))
    note = f'<p class="note">95% intervals beneath and as lines; {safe(by)} are drawn together.</p>'
    return f"<section><h2>Figures on {where}</h2>{table('', heads(*names, *(['KL to votes'] * votes)), ''.join(rows))}{note}</section>\n"


def _measured(entry: Entry) -> Iterator[tuple[str, Any, str]]:
    """The rows of an entry: all images, the clean ones, whole pictures."""
    result = entry.result
    yield safe(entry.name), result.overall, ' class="group"'
    if result.clean is not None:
        yield "clean", result.clean, ' class="under"'
    if entry.whole is not None:
        yield f"from whole pictures <small>{safe(entry.whole.detector)}</small>", entry.whole.result.overall, ' class="under"'


def _again(entries: Sequence[Entry], command: str) -> str:
    """How to make the page again, where the splits come from, and what the words mean."""
    origins = {entry.result.origin: entry.result for entry in entries if entry.result.origin.sha256}
    splits = "".join(
        f'<p class="note">{safe(result.dataset)}: protocol {safe(_protocol(result))}, SHA-256 <code>{safe(origin.sha256)}</code></p>'
        for origin, result in origins.items()
    )
    run = f"<pre>{safe(command)}</pre>" if command else ""
    words = "".join(f"<div><dt>{term}</dt><dd>{meaning}</dd></div>" for term, meaning in _MEANINGS)
    return f'<section><h2>Made by</h2><div class="card">{run}{splits}<dl class="meanings">{words}</dl></div></section>\n'
