"""Who trains and who is tested: splits by name, each with a hash, and with what it lets leak written on it.

`make_split` divides a data set by a protocol of `PROTOCOLS`; `Plan.apply` gives the data set so divided. Exact twins and the frames of one
sequence stand on one side, unless a protocol is one "as published" that lets them part, and says so. Pictures are copied, or drawn anew,
after the rows are divided: data that already hold copies are refused by every protocol that would deal them to both sides.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from mien.core.errors import DatasetError, OptionError, UnknownNameError
from mien.core.labels import label_set
from mien.datasets import protocols_general as general
from mien.datasets.base import SPLITS, Dataset, SplitOrigin
from mien.datasets.plan import Fold, Plan, Protocol, hash_of_fold, hash_of_ids
from mien.datasets.protocols_published import PUBLISHED
from mien.datasets.roster import Roster

__all__ = ["PROTOCOLS", "Fold", "Plan", "Protocol", "make_split"]

PROTOCOLS: dict[str, Protocol] = {
    "official": Protocol("official", general.official),
    "stratified": Protocol("stratified", general.stratified),
    "stratified_folds": Protocol("stratified_folds", general.stratified_folds),
    "subject_split": Protocol("subject_split", general.subject_split),
    "subject_folds": Protocol("subject_folds", general.subject_folds),
    "leave_one_subject_out": Protocol("leave_one_subject_out", general.leave_one_subject_out),
    "leave_one_character_out": Protocol("leave_one_character_out", general.leave_one_subject_out),
    "characters": Protocol("characters", general.characters),
    **{one.name: one for one in PUBLISHED},
}
"""Name → protocol; those that end in "_as_published" let test rows leak as their paper does, and name their honest counterpart."""


def make_split(
    dataset: Dataset, protocol: str, /, *, seed: int = 0, folds: int | None = None, fold: int | str | None = None, **options: Any
) -> Plan:
    """Divide `dataset` by the protocol of that name, a key of PROTOCOLS.

    `seed` (≥ 0) decides what is left to chance; equal ids, seed and options give equal folds, whatever the order of the rows. `folds`: how
    many, for protocols that take it. `fold`: keep only that fold, by its number from 1 or by its name.

    Raises
    ------
    UnknownNameError
        No such protocol, option or fold.
    OptionError
        An option outside its range.
    DatasetError
        The protocol needs subjects and the rows have none; rows are copied already; a side would be empty, or train without a class.
    LabelError
        The protocol's label set can't be reached from the data set's.
    """
    if protocol not in PROTOCOLS:
        raise UnknownNameError("protocol", protocol, PROTOCOLS)
    chosen = PROTOCOLS[protocol]
    if folds is not None:
        options["folds"] = folds
    for option in options:
        if option not in chosen.options:
            raise UnknownNameError(f"option of the protocol {protocol}", option, [*chosen.options, "seed", "fold"])
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise OptionError(f"The seed of a split is a whole number from 0; received {seed!r}.")
    if chosen.labels:
        dataset = dataset.with_labels(label_set(chosen.labels))
    roster = Roster.of(dataset)
    if protocol != "official" and not chosen.leaks:
        _refuse_copies(roster)
    made = chosen.divide(roster, np.random.default_rng(seed), **options)
    if fold is not None:
        made = _pick(made, fold, protocol)
    complete = tuple(_complete(one, roster, dataset, chosen) for one in made)
    resolved = {**chosen.options, **options}
    published = dataset.origin if protocol == "official" else SplitOrigin()
    return Plan(dataset.name, protocol, complete, chosen.labels, seed, resolved, chosen.leaks, hash_of_ids(dataset.ids), published)


def _refuse_copies(roster: Roster) -> None:
    copied = len(roster) - len(np.unique(roster.copies))
    if copied:
        raise DatasetError(
            f"{copied:,} of {len(roster):,} rows of {roster.name} are copies of another row (equal ids), oversampled or augmented before "
            "the split, and would stand on both sides. Divide the originals, then oversample the train side."
        )


def _pick(made: list[Fold], fold: int | str, protocol: str) -> list[Fold]:
    names = [one.name for one in made]
    numbers = {str(number): name for number, name in enumerate(names, 1)} if len(made) > 1 else {}
    wanted = str(fold) if str(fold) in names else numbers.get(str(fold))
    found = [one for one in made if one.name == wanted]
    if not found:
        raise UnknownNameError(f"fold of {protocol}", fold, [one.name or "(one fold only; leave fold out)" for one in made])
    return found[:1]


def _complete(fold: Fold, roster: Roster, dataset: Dataset, protocol: Protocol) -> Fold:
    """`fold` over the data set's own rows, in their order, checked, with notes, leaks and hash."""
    _need_sides(fold, roster, protocol)
    notes = (*fold.notes, *_absent_classes(fold, roster, protocol))
    left_out = len(roster) - len(np.unique(fold.rows))
    if left_out:
        notes = (*notes, f"{left_out:,} of {len(roster):,} rows stand on no side.")
    leaks = roster.crossings(fold)
    rows = roster.order[fold.rows]
    by_row = np.argsort(rows, kind="stable")
    versions = None if fold.versions is None else fold.versions[by_row]
    done = replace(fold, rows=rows[by_row], split=fold.split[by_row], versions=versions, notes=notes, leaks=leaks)
    return replace(done, sha256=hash_of_fold(protocol.name, done, dataset.ids))


def _need_sides(fold: Fold, roster: Roster, protocol: Protocol) -> None:
    if protocol.name == "official":
        return
    for split in ("train", "test"):
        if not (fold.split == split).any():
            raise DatasetError(
                f"The protocol {protocol.name} leaves no {split} rows of the {len(roster):,} of {roster.name}. "
                "Give more rows, or other shares."
            )


def _absent_classes(fold: Fold, roster: Roster, protocol: Protocol) -> list[str]:
    """One note for each side that lacks a class which the data set has. Raises DatasetError where that side is train."""
    there = set(np.unique(roster.targets[roster.targets >= 0]).tolist())
    notes = []
    for split in SPLITS:
        rows = fold.side(split)
        absent = [roster.labels[i] for i in sorted(there - set(roster.targets[rows].tolist()))] if len(rows) else []
        if absent and split == "train" and protocol.name != "official":
            raise DatasetError(
                f"The protocol {protocol.name} leaves no training row of {', '.join(absent)} in {roster.name}. "
                "Take fewer folds, another seed, or leave that class out."
            )
        if absent:
            notes.append(f"No {split} row{f' of fold {fold.name}' if fold.name else ''} shows {', '.join(absent)}.")
    return notes
