"""Labels, classes and pictures that no figure should rest on: conflicts, gaps, constant pictures, what was left out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.audit.findings import Finding
from mien.audit.leaks import rows_of
from mien.audit.links import Links, Pictures
from mien.datasets.base import SPLITS, Dataset
from mien.datasets.roster import sequence_names

FLAT = 8
"""Gray levels of 255 within which a picture is constant: what lossy files make of one value."""

_NO_ROWS = np.empty(0, np.int64)


def repeated(dataset: Dataset, pictures: Pictures) -> list[Finding]:
    """A note of the pictures that several rows show, wherever they are."""
    links = pictures.repeated()
    groups, scores = pictures.groups(links)
    if not groups:
        return []
    rows = rows_of(groups)
    spanning = sum(len(np.unique(dataset.split[group])) > 1 for group in groups)
    detail = {"distinct": len(pictures), "groups": len(groups), "rows": len(rows), "spanning": spanning}
    summary = f"{len(rows):,} rows show {len(groups):,} pictures more than once; {spanning:,} of these pictures are in several splits."
    return [Finding("exact_twins", "note", summary, rows, groups, detail, scores)]


def alike(kind: str, dataset: Dataset, pictures: Pictures, links: Links) -> list[Finding]:
    """A note of the distinct pictures that `links` of one kind tie together, wherever they are."""
    groups, scores = pictures.groups(links)
    if not groups:
        return []
    rows = rows_of(groups)
    spanning = sum(len(np.unique(dataset.split[group])) > 1 for group in groups)
    detail = {"pairs": len(links), "groups": len(groups), "rows": len(rows), "spanning": spanning}
    words = {"near_twins": "nearly equal pictures", "mirrored_twins": "nearly mirrored pictures"}[kind]
    summary = f"{len(rows):,} rows are in {len(groups):,} groups of {words}; {spanning:,} of the groups are in several splits."
    return [Finding(kind, "note", summary, rows, groups, detail, scores)]


def conflicts(dataset: Dataset, pictures: Pictures) -> list[Finding]:
    """A fault: pictures that are under more than one label, pixel for pixel."""
    labelled = dataset.targets >= 0
    seen = np.zeros((len(pictures), len(dataset.labels)), np.bool_)
    seen[pictures.number[labelled], dataset.targets[labelled]] = True
    torn = np.flatnonzero(seen.sum(axis=1) > 1)
    groups, scores = pictures.groups(Links(torn, torn, np.ones(len(torn))), labelled)
    return _conflicting(dataset, groups, scores, "exact", "pictures are, pixel for pixel,") if groups else []


def near_conflicts(dataset: Dataset, pictures: Pictures, links: Links) -> list[Finding]:
    """A fault: pairs of nearly equal (or mirrored) pictures under unlike labels; one group a pair.

    Pairs of one known subject or one sequence are left out: there a small change of the face may well change the label.
    """
    one, other = pictures.first[links.left], pictures.first[links.right]
    a, b = dataset.targets[one], dataset.targets[other]
    torn = (a >= 0) & (b >= 0) & (a != b)
    sequences = None if dataset.sequences is None else sequence_names(dataset.subjects, dataset.sequences)
    for column in (dataset.subjects, sequences):
        if column is not None:
            torn &= (column[one] != column[other]) | (column[one] == "")
    kept = links.take(torn)
    groups = tuple(np.sort(np.array(pair, np.int64)) for pair in zip(one[torn], other[torn], strict=True))
    order = sorted(range(len(groups)), key=lambda k: tuple(groups[k]))
    scores = tuple(float(kept.score[k]) for k in order)
    return _conflicting(dataset, tuple(groups[k] for k in order), scores, "near", "pairs of nearly equal pictures are") if groups else []


def _conflicting(
    dataset: Dataset, groups: tuple[NDArray[np.int64], ...], scores: tuple[float, ...], among: str, words: str
) -> list[Finding]:
    rows = rows_of(groups)
    names: dict[str, int] = {}
    for group in groups:
        key = " / ".join(dataset.labels[c] for c in np.unique(dataset.targets[group]) if c >= 0)
        names[key] = names.get(key, 0) + 1
    detail = {"among": among, "groups": len(groups), "rows": len(rows), "labels": dict(sorted(names.items(), key=lambda kv: -kv[1]))}
    summary = f"{len(groups):,} {words} under more than one label ({len(rows):,} rows)."
    return [Finding("conflicting_labels", "fault", summary, rows, groups, detail, scores)]


def constant(dataset: Dataset) -> list[Finding]:
    """A fault: pictures that show nothing, all of whose values lie within FLAT of each other."""
    rows = np.array([i for i, image in enumerate(dataset.images) if not shows(image)], np.int64)
    if not len(rows):
        return []
    counts = _per_split(dataset, rows)
    summary = f"{len(rows):,} pictures show nothing: one value all over ({_told(counts)})."
    return [Finding("constant", "fault", summary, rows, (), {"splits": counts})]


def shows(image: NDArray[np.uint8]) -> bool:
    """Whether a picture (H, W) or (H, W, 3) shows anything: some two of its values are more than FLAT apart."""
    return image.size > 0 and int(np.ptp(image.reshape(-1, *image.shape[2:]), axis=0).max()) > FLAT


def unlabelled(dataset: Dataset) -> list[Finding]:
    """A note of the rows without a label."""
    rows = np.flatnonzero(dataset.targets < 0).astype(np.int64)
    if not len(rows):
        return []
    counts = _per_split(dataset, rows)
    return [Finding("missing_labels", "note", f"{len(rows):,} rows have no label ({_told(counts)}).", rows, (), {"splits": counts})]


def classes(dataset: Dataset) -> list[Finding]:
    """The balance of the classes, and the classes without rows: a fault in training, which then can't teach them, else a note."""
    counts = {split: _counts(dataset, split) for split in SPLITS if (dataset.split == split).any()}
    found = [_empty(dataset, split, row) for split, row in counts.items() if not row.all()]
    if not counts:
        return found
    total = np.sum(list(counts.values()), axis=0)
    names = list(dataset.labels)
    detail: dict[str, Any] = {"splits": {split: dict(zip(names, row.tolist(), strict=True)) for split, row in counts.items()}}
    most, least = int(total.argmax()), int(total.argmin())
    ratio = float(total[most] / total[least]) if total[least] else None
    detail["ratio"] = None if ratio is None else round(ratio, 3)
    summary = f"{names[most]} has the most rows ({total[most]:,}), {names[least]} the fewest ({total[least]:,}"
    summary += ")." if ratio is None else f"; {ratio:.1f} to 1)."
    if most == least:
        summary = f"Every class has {total[most]:,} rows."
    return [*found, Finding("class_balance", "note", summary, _NO_ROWS, (), detail)]


def _empty(dataset: Dataset, split: str, counts: NDArray[np.int64]) -> Finding:
    names = [name for name, count in zip(dataset.labels, counts.tolist(), strict=True) if not count]
    summary = f"No {split} row shows {', '.join(names)}."
    return Finding("empty_class", "fault" if split == "train" else "note", summary, _NO_ROWS, (), {"split": split, "classes": names})


def left_out(dataset: Dataset) -> list[Finding]:
    """A note of what the loader left out, in its own words; classes without rows are a finding of their own."""
    notes = [note for note in dataset.notes if not note.startswith("No row shows ")]
    if not notes:
        return []
    summary = notes[0] if len(notes) == 1 else f"{notes[0]} And {len(notes) - 1:,} more."
    return [Finding("unreadable", "note", summary, _NO_ROWS, (), {"notes": notes})]


def _counts(dataset: Dataset, split: str) -> NDArray[np.int64]:
    chosen = (dataset.split == split) & (dataset.targets >= 0)
    return np.bincount(dataset.targets[chosen], minlength=len(dataset.labels)).astype(np.int64)


def _per_split(dataset: Dataset, rows: NDArray[np.int64]) -> dict[str, int]:
    return {split: count for split in SPLITS if (count := int((dataset.split[rows] == split).sum()))}


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{split} {count:,}" for split, count in counts.items())
