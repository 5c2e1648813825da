"""The tables of an audit's page: rows of every class in every split, figures of a finding, and what a cleaned manifest keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mien.datasets.base import SPLITS, Dataset
from mien.report.charts import bar, portion, safe

_MOST = 20


def class_table(dataset: Dataset) -> str:
    """Rows of every class in every split that has any, with their share of the split; rows without a label last."""
    held = [split for split in SPLITS if (dataset.split == split).any()]
    columns = [*range(len(dataset.labels)), *([-1] if (dataset.targets < 0).any() else [])]
    table = np.array([[((dataset.split == split) & (dataset.targets == c)).sum() for split in held] for c in columns])
    totals = table.sum(axis=0).tolist()
    body = [
        (_class(dataset, c), *(_share(n, total, c) for n, total in zip(line, totals, strict=True)))
        for c, line in zip(columns, table.tolist(), strict=True)
    ]
    return _section("Rows", ("Class", *held), body, ("All", *(f"{total:,}" for total in totals)))


def kept_table(kept: Mapping[str, Mapping[str, int]]) -> str:
    """`kept`: split → "rows", "kept" and what each rule dropped; splits without rows are left out."""
    names = list(next(iter(kept.values())))
    body = [(safe(split), *(f"{line[name]:,}" for name in names)) for split, line in kept.items() if line["rows"]]
    total = [f"{sum(line[name] for line in kept.values()):,}" for name in names]
    return _section("Cleaned manifest", ("Split", *map(safe, names)), body, ("All", *total))


def detail(kind: str, figures: Mapping[str, Any]) -> str:
    """The tables and lists among a finding's figures; single ones are in its summary, and the balance of classes in the page's table."""
    if kind == "class_balance":
        return ""
    return "".join(_shown(name, value) for name, value in figures.items())


def _shown(name: str, value: Any) -> str:
    """A table of {name: {column: figure}}, a line of {name: [part, whole]} or {name: count}, or a list of sentences; else nothing."""
    if isinstance(value, Mapping) and value:
        return _figures(name.replace("_", " ").capitalize(), value)
    if isinstance(value, Sequence) and not isinstance(value, str) and value and " " in str(value[0]):
        more = f"<li>And {len(value) - _MOST:,} more.</li>" if len(value) > _MOST else ""
        return f'<ul class="sentences">{"".join(f"<li>{safe(one)}</li>" for one in value[:_MOST])}{more}</ul>'
    return ""


def _figures(title: str, value: Mapping[str, Any]) -> str:
    items, first = list(value.items()), next(iter(value.values()))
    if isinstance(first, Mapping):
        heads = ["", *(safe(str(name).replace("_", " ")) for name in first)]
        return f'<div class="wide">{_table(heads, [(safe(name), *map(_number, line.values())) for name, line in items])}</div>'
    if isinstance(first, Sequence) and not isinstance(first, str):
        said = [f"{safe(name)} {part:,} of {whole:,} ({portion(part / whole)})" for name, (part, whole) in items]
    else:
        said = [f"{safe(name)} {_number(count)}" for name, count in items]
    more = f" and {len(said) - _MOST:,} more" if len(said) > _MOST else ""
    return f'<p class="note">{safe(title)}: {", ".join(said[:_MOST])}{more}.</p>'


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}" if isinstance(value, float) else safe(value)


def _section(title: str, heads: Sequence[str], body: Sequence[Sequence[str]], foot: Sequence[str]) -> str:
    return f'<section><h2>{title}</h2><div class="card wide">{_table(heads, body, foot)}</div></section>\n'


def _table(heads: Sequence[str], body: Sequence[Sequence[str]], foot: Sequence[str] = ()) -> str:
    """The first column names the row."""
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    end = f"<tfoot>{_row(foot)}</tfoot>" if foot else ""
    return f'<table class="counts"><thead><tr>{head}</tr></thead><tbody>{"".join(map(_row, body))}</tbody>{end}</table>'


def _row(cells: Sequence[str]) -> str:
    return f'<tr><th scope="row">{cells[0]}</th>{"".join(f"<td>{cell}</td>" for cell in cells[1:])}</tr>'


def _class(dataset: Dataset, column: int) -> str:
    return "no label" if column < 0 else f'<i class="dot k{column}"></i>{safe(dataset.labels[column])}'


def _share(number: int, total: int, column: int) -> str:
    share = number / total if total else 0.0
    return f"{bar(column, share) if column >= 0 else ''}<small>{portion(share)}</small> <span>{number:,}</span>"
