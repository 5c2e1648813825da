"""Which rows a cleaned data set keeps: named rules over what an audit found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.audit.findings import Audit
from mien.core.errors import InputError, UnknownNameError
from mien.datasets.base import SPLITS, Dataset

_TWINS = ("copies_across_splits", "exact_twins", "twins_across_splits", "near_twins", "mirrored_twins", "augmented_copies")
_PEOPLE = ("sequences_across_splits", "subjects_across_splits")
_RELATION = {
    "copies_across_splits": "same identity as",
    "exact_twins": "same pixels as",
    "twins_across_splits": "same pixels as",
    "near_twins": "nearly the same as",
    "mirrored_twins": "mirror image of",
    "augmented_copies": "altered copy of",
    "conflicting_labels": "same picture as",
    "sequences_across_splits": "same sequence as",
    "subjects_across_splits": "same person as",
}


@dataclass(frozen=True)
class Rule:
    """What a rule drops.

    `says`: one sentence. `kinds`: the findings it acts on. `winners`: splits, the one that keeps its rows first; in a group of rows that
    belong together only those of the first split present stay. Without `winners` all rows of the findings go. `single`: only the first row
    of a group stays.
    """

    says: str
    kinds: tuple[str, ...]
    winners: tuple[str, ...] = ()
    single: bool = False


RULES: dict[str, Rule] = {
    "drop-constant": Rule("drops pictures that show nothing", ("constant",)),
    "drop-unlabelled": Rule("drops rows without a label", ("missing_labels",)),
    "drop-conflicts": Rule("drops every copy of a picture that stands under two labels", ("conflicting_labels",)),
    "subject-clean": Rule(
        "drops training rows of people and sequences that are in validation or test, and validation rows of those in test",
        _PEOPLE,
        ("test", "validation", "train"),
    ),
    "test-clean": Rule(
        "drops validation and test rows with a twin in training, and validation rows with one in test; training stays as it is",
        _TWINS,
        ("train", "test", "validation"),
    ),
    "train-clean": Rule(
        "drops training rows with a twin in validation or test, and validation rows with one in test; test stays as it is",
        _TWINS,
        ("test", "validation", "train"),
    ),
    "first": Rule(
        "keeps one row of every group of twins, of test before validation before training, and there the first",
        _TWINS,
        ("test", "validation", "train"),
        single=True,
    ),
}
"""Name → rule, in the order in which they are applied, however they are given. Twins are what the audit looked for: exact and near."""


@dataclass(frozen=True, eq=False)
class Selection:
    """The rows that `rules` keep: `keep` bool (N,), and for each row why it goes: `reasons`, N sentences, "" for a row that stays."""

    rules: tuple[str, ...]
    keep: NDArray[np.bool_]
    reasons: tuple[str, ...]

    def counts(self, dataset: Dataset) -> dict[str, dict[str, int]]:
        """Split → rows before, rows kept, and rows that each rule dropped."""
        by = np.array([reason.partition(":")[0] for reason in self.reasons], str)
        table = {}
        for split in SPLITS:
            rows = dataset.split == split
            dropped = {rule: int((by[rows] == rule).sum()) for rule in self.rules}
            table[split] = {"rows": int(rows.sum()), "kept": int(self.keep[rows].sum()), **dropped}
        return table


def select(dataset: Dataset, audit: Audit, rules: Sequence[str]) -> Selection:
    """The rows of `dataset` that the named rules keep, given what `audit` found in it.

    `drop-conflicts` is the cleaning of CNNCraft-net: a picture that stands in two classes with a similarity above 95 % goes; it counts
    near twins where the audit looked for them, at the audit's threshold. `test-clean` also heeds `dataset.twin_in_train`. Each rule
    sees the rows that those before it left.

    Raises
    ------
    UnknownNameError
        No such rule.
    InputError
        The audit is not of these rows, or no rule is named.
    """
    for rule in rules:
        if rule not in RULES:
            raise UnknownNameError("rule", rule, RULES)
    if not rules:
        raise InputError(f"A cleaned data set needs at least one rule: {', '.join(RULES)}.")
    if len(dataset) != audit.n:
        raise InputError(f"The audit is of {audit.n:,} rows and {dataset.name} has {len(dataset):,}. Audit the same data set.")
    keep, reasons = np.ones(len(dataset), bool), [""] * len(dataset)
    chosen = tuple(name for name in RULES if name in rules)
    for name in chosen:
        for row, reason in _drops(dataset, audit, name, keep):
            keep[row], reasons[row] = False, f"{name}: {reason}"
    return Selection(chosen, keep, tuple(reasons))


def remedies(dataset: Dataset) -> Mapping[str, tuple[str, ...]]:
    """Kind of a finding → the rules that act on it; none at all where rows share an id, which a cleaned manifest can't tell apart."""
    if len(np.unique(dataset.ids)) < len(dataset):
        return {}
    told = {kind: tuple(name for name, rule in RULES.items() if kind in rule.kinds) for kind in (*_RELATION, *_LONE)}
    return {**told, "seen_pictures": told["twins_across_splits"]}  # that finding sums up those of single kinds, which the rules act on


_LONE = {"constant": "shows nothing", "missing_labels": "no label"}


def _drops(dataset: Dataset, audit: Audit, name: str, keep: NDArray[np.bool_]) -> Iterator[tuple[int, str]]:
    """Rows to drop, each with why; `keep` is read as it stands when the next is asked for."""
    rule = RULES[name]
    for kind in rule.kinds:
        for finding in audit.of(kind):
            if kind in _LONE:
                yield from ((row, _LONE[kind]) for row in finding.rows[keep[finding.rows]].tolist())
            for group in finding.groups:
                yield from _losers(dataset, rule, kind, group[keep[group]])
    if name == "test-clean" and dataset.twin_in_train is not None:
        seen = np.flatnonzero(dataset.twin_in_train & keep & (dataset.split != "train"))
        yield from ((row, "same pixels as a training image that is no row here") for row in seen.tolist())


def _losers(dataset: Dataset, rule: Rule, kind: str, group: NDArray[np.int64]) -> Iterator[tuple[int, str]]:
    if len(group) < 2:
        return
    if not rule.winners:
        yield from ((row, _why(dataset, kind, _opponent(dataset, row, group))) for row in group.tolist())
        return
    ranks = np.array([rule.winners.index(split) for split in dataset.split[group].tolist()])
    order = np.lexsort((group, ranks))
    winner = int(group[order[0]])
    losers = order[1:] if rule.single else order[ranks[order] > ranks[order[0]]]
    yield from ((row, _why(dataset, kind, winner)) for row in group[losers].tolist())


def _opponent(dataset: Dataset, row: int, group: NDArray[np.int64]) -> int:
    """The first of the group with another label, or else another row."""
    other = group[dataset.targets[group] != dataset.targets[row]]
    return int(other[0]) if len(other) else int(group[group != row][0])


def _why(dataset: Dataset, kind: str, other: int) -> str:
    target = int(dataset.targets[other])
    label = f", {dataset.labels[target]}" if target >= 0 else ""
    return f"{_RELATION[kind]} {dataset.ids[other]} ({dataset.split[other]}{label})"
