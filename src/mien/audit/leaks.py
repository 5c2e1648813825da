"""What two splits share: pictures, identities, people, sequences, and copies that were made before the split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.audit.findings import Finding
from mien.audit.links import Links, Pictures, pairs_of_splits
from mien.datasets.base import SPLITS, Dataset
from mien.datasets.roster import sequence_names

MANY = 0.5
"""The share of a class's rows outside training with a copy in training from which copying before the split is the explanation."""
COPIED = 1.5
"""How often a class shows each of its pictures, on average, from which it counts as copied."""

_IN_COMMON = {
    "subjects": "subjects that are also in",
    "sequences": "sequences that are also in",
    "ids": "identities that are also in",
}


def across_splits(kind: str, words: str, pictures: Pictures, links: Links, dataset: Dataset) -> list[Finding]:
    """One leak for each pair of splits that `links` tie together; `words` say what a row of the second split has in the first."""
    return [
        _across(kind, words, pictures, crossing, dataset, pair)
        for pair in pairs_of_splits(dataset)
        if len(crossing := pictures.crossing(links, *pair))
    ]


def _across(kind: str, words: str, pictures: Pictures, links: Links, dataset: Dataset, pair: tuple[str, str]) -> Finding:
    first, second = pair
    seen = pictures.seen(links, second, first)
    groups, scores = pictures.groups(links, (dataset.split == first) | (dataset.split == second))
    detail: dict[str, Any] = {
        "first": first,
        "second": second,
        "rows_first": int(pictures.seen(links, first, second).sum()),
        "rows_second": int(seen.sum()),
        "share_second": round(float(seen.sum() / (dataset.split == second).sum()), 6),
        "same_label": int(pictures.seen(links, second, first, same_label=True).sum()),
        "groups": len(groups),
        "by_class": by_class(dataset, seen, second),
    }
    summary = f"{_rows(second, seen[dataset.split == second])} {words} in {first}, {detail['same_label']:,} of them with the same label."
    return Finding(kind, "leak", summary, rows_of(groups), groups, detail, scores)


def _rows(split: str, marked: NDArray[np.bool_]) -> str:
    """How many rows of a split are marked, in words: `marked` is bool over its rows."""
    count = int(marked.sum())
    return f"{split}: {count:,} row{'' if count == 1 else 's'} ({marked.mean():.1%})"


def by_class(dataset: Dataset, marked: NDArray[np.bool_], split: str) -> dict[str, list[int]]:
    """Class → the marked rows of the split, and all its rows; only classes with a marked row."""
    chosen = (dataset.split == split) & (dataset.targets >= 0)
    have = np.bincount(dataset.targets[chosen], minlength=len(dataset.labels)).tolist()
    got = np.bincount(dataset.targets[chosen & marked], minlength=len(dataset.labels)).tolist()
    return {name: [hit, of] for name, hit, of in zip(dataset.labels, got, have, strict=True) if hit}


def rows_of(groups: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """All rows of the groups, ascending, each once: int64 (M,)."""
    return np.unique(np.concatenate([np.empty(0, np.int64), *groups]))


def shared_values(dataset: Dataset) -> list[Finding]:
    """Identities, subjects and sequences on both sides of a split, where the data set tells them. An empty name is an unknown one."""
    columns: list[tuple[str, NDArray[Any] | None]] = [
        ("ids", dataset.ids),
        ("subjects", dataset.subjects),
        ("sequences", None if dataset.sequences is None else sequence_names(dataset.subjects, dataset.sequences)),
    ]
    found = []
    for name, column in columns:
        if column is not None:
            known = np.flatnonzero(column != "") if column.dtype.kind == "U" else np.arange(len(column))
            kind = "copies_across_splits" if name == "ids" else f"{name}_across_splits"
            found += [finding for pair in pairs_of_splits(dataset) if (finding := _shared(kind, name, dataset, column, known, pair))]
    return found


def _shared(
    kind: str, name: str, dataset: Dataset, column: NDArray[Any], known: NDArray[np.int64], pair: tuple[str, str]
) -> Finding | None:
    first, second = pair
    side = dataset.split[known]
    common = np.intersect1d(column[known[side == first]], column[known[side == second]])
    if not len(common):
        return None
    place = known[np.isin(column[known], common) & ((side == first) | (side == second))]
    order = place[np.argsort(column[place], kind="stable")]
    groups = np.split(order, np.flatnonzero(column[order][1:] != column[order][:-1]) + 1)
    groups = sorted((np.sort(group) for group in groups), key=lambda group: int(group[0]))
    marked = np.zeros(len(dataset), np.bool_)
    marked[place] = True
    marked &= dataset.split == second
    rows = int(marked.sum())
    summary = f"{_rows(second, marked[dataset.split == second])} of {len(common):,} {_IN_COMMON[name]} {first}."
    detail = {
        "first": first,
        "second": second,
        "shared": len(common),
        "values": [value.item() for value in common[:20]],
        "rows_first": len(place) - rows,
        "rows_second": rows,
        "share_second": round(rows / int((dataset.split == second).sum()), 6),
        "by_class": by_class(dataset, marked, second),
    }
    return Finding(kind, "leak", summary, np.sort(place), tuple(groups), detail)


def oversampled(dataset: Dataset, pictures: Pictures, links: Links) -> list[Finding]:
    """One leak when rare classes were copied before the split was made, so that their rows outside training are copies of training rows.

    It takes a class whose pictures stand in it COPIED times on average, and that much more often than those of another class, and of
    whose rows outside training the share MANY or more has a copy with the same label in training. `links` tie the copies together.
    """
    table = _copying(dataset, pictures.parts(links)[pictures.number])
    least = min((entry["copies"] for entry in table.values()), default=1.0)
    copied = {name: entry for name, entry in table.items() if entry["copies"] >= COPIED * least}
    seen = np.any([pictures.seen(links, split, "train", same_label=True) for split in SPLITS[1:]], axis=0)
    shares = {name: _share(dataset, dataset.labels.index(name), seen) for name in copied}
    hit = {name: share for name, share in shares.items() if share >= MANY}
    if not hit:
        return []
    rows = np.isin(dataset.targets, [dataset.labels.index(name) for name in hit])
    marked = np.flatnonzero(rows & seen)
    worst = max(hit, key=lambda name: table[name]["copies"])
    figures = f"{table[worst]['pictures']:,} pictures in {table[worst]['rows']:,} rows"
    summary = (
        f"{_listed(hit)} were copied before the split: {worst} shows {figures}, and {hit[worst]:.0%} of its rows outside training "
        "are copies of training rows. Split first, then copy training rows only."
    )
    detail = {
        "classes": {name: {**entry, "seen_share": round(shares.get(name, 0.0), 6)} for name, entry in table.items()},
        "copied": list(hit),
    }
    return [Finding("oversampled", "leak", summary, marked, (), detail)]


def _copying(dataset: Dataset, part: NDArray[np.int64]) -> dict[str, dict[str, Any]]:
    """Class → rows, pictures and copies (rows per picture), for classes with rows."""
    out = {}
    for column, name in enumerate(dataset.labels):
        parts = part[dataset.targets == column]
        if len(parts):
            distinct = len(np.unique(parts))
            out[name] = {"rows": len(parts), "pictures": distinct, "copies": round(len(parts) / distinct, 3)}
    return out


def _share(dataset: Dataset, column: int, seen: NDArray[np.bool_]) -> float:
    """The share of the rows of a class outside training that are marked; 0 without such rows."""
    own = (dataset.targets == column) & (dataset.split != "train")
    return float(seen[own].mean()) if own.any() else 0.0


def _listed(names: dict[str, float]) -> str:
    first, *rest = names
    return f"Rows of {first}" + (f", {', '.join(rest[:-1])} and {rest[-1]}" if len(rest) > 1 else f" and {rest[0]}" if rest else "")
