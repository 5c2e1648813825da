"""The protocols of five papers: as published where these leak, beside honest ones that ask the same question.

A paper's counts hold where the data are as many as in the paper; fewer rows are divided in the same proportion, so that each protocol
runs on any data set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DatasetError, OptionError
from mien.datasets import protocols_general as general
from mien.datasets.base import SPLITS
from mien.datasets.partition import Rows, counted, deal
from mien.datasets.plan import Fold, Protocol
from mien.datasets.roster import Roster
from mien.datasets.sampling import evened
from mien.datasets.versions import VERSIONS

_TENTHS = (0.8, 0.1, 0.1)


def deepfer_balanced(roster: Roster, rng: np.random.Generator, *, per_class: Sequence[int] = (400, 30, 100)) -> list[Fold]:
    """As many pictures of each class: 400 to train, 30 to validate, 100 to test, no picture twice.

    DeepFER, section on FER2013, without its twins: of each group of exact twins one picture is eligible, on the test folder's side where it
    is there too. A class that is short of pictures gives what it has, in proportion.
    """
    held = roster.split != "train"
    first = np.lexsort((np.arange(len(roster)), ~held, roster.twins))
    eligible = np.sort(first[np.r_[True, np.diff(roster.twins[first]) != 0]]) if len(first) else first
    return [_balanced(roster, rng, eligible, _whole(per_class, "per_class"), short=True)]


def deepfer_balanced_as_published(roster: Roster, rng: np.random.Generator, *, per_class: Sequence[int] = (400, 30, 100)) -> list[Fold]:
    """As many pictures of each class: 400 + 30 from the train folder, 100 from the test folder, at random.

    DeepFER, section on FER2013 (2,800 / 210 / 700 pictures). PrivateTest alone has 55 pictures of disgust, so that the test folder is that
    of the two-folder copy: PublicTest and PrivateTest.
    """
    return [_balanced(roster, rng, np.arange(len(roster)), _whole(per_class, "per_class"), short=False)]


def deepfer_jaffe(roster: Roster, rng: np.random.Generator, *, fractions: Sequence[float] = (0.70, 0.105, 0.195)) -> list[Fold]:
    """Subjects divided in the shares of the paper's 935 / 140 / 260; then each training picture and seven drawn versions of it.

    The honest order of DeepFER's protocol for JAFFE.
    """
    (fold,) = general.subject_split(roster, rng, fractions=fractions)
    train, others = fold.side("train"), fold.split != "train"
    rows = np.concatenate([np.repeat(train, len(VERSIONS)), fold.rows[others]])
    versions = np.concatenate([np.tile(np.arange(len(VERSIONS)), len(train)), np.zeros(int(others.sum()), np.int64)])
    split = np.concatenate([np.full(len(train) * len(VERSIONS), "train", "<U10"), fold.split[others]])
    return [replace(fold, rows=rows, split=split, versions=versions)]


def deepfer_jaffe_as_published(roster: Roster, rng: np.random.Generator, *, counts: Sequence[int] = (935, 140, 260)) -> list[Fold]:
    """Each picture and seven drawn versions of it, of which 1,335 are then divided at random into 935 / 140 / 260.

    DeepFER, section on JAFFE. Which seven, the paper does not say: ours are those of `mien.datasets.versions`. 213 pictures would give
    1,704 with the originals and 1,491 without; how the paper's 1,335 were chosen it does not say either, here by chance.
    """
    rows = np.repeat(np.arange(len(roster)), len(VERSIONS))
    versions = np.tile(np.arange(len(VERSIONS)), len(roster))
    order, split = _drawn_sides(len(rows), _whole(counts, "counts"), rng)
    return [Fold("", rows[order], split, versions[order])]


def deepfer_ferg_characters(
    roster: Roster, rng: np.random.Generator, *, test: str | Sequence[str] = ("mery", "ray"), validation: float = 0.1
) -> list[Fold]:
    """Aia, Bonnie, Jules and Malcolm train; Mery and Ray are the test.

    DeepFER, section on FERG. The paper does not say what it validates on: here a share of all rows, drawn among the training characters, so
    that validation figures are of known characters.
    """
    (fold,) = general.characters(roster, rng, test=test, validation=0.0)
    split = fold.split.astype("<U10")
    train = np.flatnonzero(split == "train")
    if validation and len(train):
        part = general.share_of(validation, len(fold), len(train))
        picked = deal(roster.targets[fold.rows[train]], roster.units()[fold.rows[train]], [1 - part, part], rng) == 1
        split[train[picked]] = "validation"
    return [replace(fold, split=split)]


def deepfer_ferg_random_as_published(
    roster: Roster, rng: np.random.Generator, *, counts: Sequence[int] = (36_500, 6_647, 12_620)
) -> list[Fold]:
    """All 55,767 pictures divided at random into 36,500 / 6,647 / 12,620, every character on every side.

    DeepFER, section on FERG, second evaluation.
    """
    order, split = _drawn_sides(len(roster), _whole(counts, "counts"), rng)
    return [Fold("", order, split)]


def sdl(roster: Roster, rng: np.random.Generator, *, fractions: Sequence[float] = _TENTHS) -> list[Fold]:
    """80 % / 10 % / 10 %, each class too; then rare classes of the train side are repeated until all have equal numbers.

    SDL, section 5, in the honest order. Twins and sequences stay on one side, subjects too where they are known.
    """
    fold = general.sides(roster, rng, general.fractions_of(fractions), roster.units(subjects=True))
    train = fold.side("train")
    copies = train[evened(roster.targets[train], rng)]
    rows = np.concatenate([fold.rows, copies])
    return [replace(fold, rows=rows, split=np.concatenate([fold.split, np.full(len(copies), "train")]))]


def sdl_as_published(roster: Roster, rng: np.random.Generator, *, fractions: Sequence[float] = _TENTHS) -> list[Fold]:
    """Rare classes repeated until all have equal numbers; then 80 % / 10 % / 10 % at random.

    SDL, section 5 (28,707 / 3,588 / 3,589 of FER2013; the last frames of CK+). The paper does not say whether it oversamples
    before or after it divides; this is what the first order does to the figures of rare classes.
    """
    rows = np.concatenate([np.arange(len(roster)), evened(roster.targets, rng)])
    wanted = [(split, share) for split, share in zip(SPLITS, general.fractions_of(fractions), strict=True) if share > 0]
    dealt = deal(roster.targets[rows], np.arange(len(rows)), [share for _, share in wanted], rng)
    return [Fold("", rows, np.array([split for split, _ in wanted])[dealt])]


def sdl_ferg_as_published(roster: Roster, rng: np.random.Generator, *, counts: Sequence[int] = (34_000, 14_000, 7_000)) -> list[Fold]:
    """34,000 / 14,000 / 7,000 pictures at random, the test with as many of each class; every character on every side.

    SDL, section 5 on FERG: "1000 images at random for each face expression to test". 767 of the 55,767 pictures are left over.
    """
    train, validation, test = counted(len(roster), _whole(counts, "counts"))
    classes = np.unique(roster.targets[roster.targets >= 0])
    order = rng.permutation(len(roster))
    tested = [order[roster.targets[order] == one][: test // max(len(classes), 1)] for one in classes]
    held = np.concatenate([np.zeros(0, np.int64), *tested])
    rest = order[~np.isin(order, held)][: train + validation]
    split = np.repeat(np.array(["test", "train", "validation"]), [len(held), min(train, len(rest)), max(len(rest) - train, 0)])
    return [Fold("", np.concatenate([held, rest]), split)]


def cnn123_folds_as_published(roster: Roster, rng: np.random.Generator, *, folds: int = 5, validation: float = 0.1) -> list[Fold]:
    """Five folds of pictures at random; subjects and sequences stand in several.

    CNN1-3, section 3.1, on JAFFE and CK+. The paper names no validation side; ours is a share of all rows.
    """
    return general.rotation(roster, rng, folds, validation, np.arange(len(roster)))


def thesis_cross(roster: Roster, rng: np.random.Generator, *, fractions: Sequence[float] = _TENTHS) -> list[Fold]:
    """Negative, neutral, positive: 80 % / 10 % / 10 %; twins, sequences and known subjects on one side.

    The static part of the thesis on static and dynamic FER, in the honest way, for `merge((fer2013, ckplus), labels="valence3")`.
    """
    labelled = np.flatnonzero(roster.targets >= 0)
    return [general.sides(roster, rng, general.fractions_of(fractions), roster.units(subjects=True), labelled)]


def thesis_cross_as_published(roster: Roster, rng: np.random.Generator, *, fractions: Sequence[float] = _TENTHS) -> list[Fold]:
    """Negative, neutral, positive: 80 % / 10 % / 10 % of all pictures at random.

    The thesis on static and dynamic FER, sections 2.2.1 and 4 (90 % FER2013, 10 % CK+; surprise and contempt left out).
    """
    labelled = np.flatnonzero(roster.targets >= 0)
    return [general.sides(roster, rng, general.fractions_of(fractions), np.arange(len(roster)), labelled)]


def cnncraft_six(roster: Roster, rng: np.random.Generator) -> list[Fold]:
    """Six expressions, on the sides as the data set publishes them.

    CNNCraft-net, table 2. The paper does not name the six: ours are the seven without disgust.
    """
    labelled = np.flatnonzero(roster.targets >= 0)
    return [Fold("", labelled, roster.split[labelled])]


def _balanced(roster: Roster, rng: np.random.Generator, eligible: Rows, per_class: Sequence[int], *, short: bool) -> Fold:
    """Equal numbers of each class: train and validation from the train side, test from the two others. `short` takes what there is."""
    train, validation, test = per_class
    order = rng.permutation(eligible)
    rows, split, notes = [], [], []
    for one, label in enumerate(roster.labels):
        learned = order[(roster.targets[order] == one) & (roster.split[order] == "train")]
        judged = order[(roster.targets[order] == one) & (roster.split[order] != "train")]
        lacks = len(learned) < train + validation or len(judged) < test
        if lacks and not short:
            raise DatasetError(
                f"{roster.name} has {len(learned)} training and {len(judged)} other pictures of {label}; the protocol draws "
                f"{train + validation} and {test}. Set per_class lower."
            )
        if lacks:
            notes.append(f"{label} has {len(learned)} training and {len(judged)} other pictures without a twin in use, and gives those.")
        checked = min(validation, len(learned) * validation // max(train + validation, 1))
        rows += [learned[checked:][:train], learned[:checked], judged[:test]]
        split += [np.full(len(part), name) for part, name in zip(rows[-3:], SPLITS, strict=True)]
    return Fold("", np.concatenate(rows), np.concatenate(split), notes=tuple(notes))


def _drawn_sides(n: int, counts: Sequence[int], rng: np.random.Generator) -> tuple[Rows, NDArray[np.str_]]:
    numbers = counted(n, counts)
    return rng.permutation(n)[: sum(numbers)], np.repeat(np.array(SPLITS), numbers)


def _whole(counts: Sequence[int], option: str) -> Sequence[int]:
    plain = isinstance(counts, (list, tuple)) and all(isinstance(c, int) and not isinstance(c, bool) and c >= 0 for c in counts)
    if not plain or len(counts) != 3 or not counts[0] or not counts[2]:
        raise OptionError(f"{option} are whole numbers for train, validation and test; only validation may be 0. Received {counts!r}.")
    return counts


_SHARED = "Pictures of one person, and frames of one sequence, stand on several sides."
PUBLISHED: tuple[Protocol, ...] = (
    Protocol("deepfer_balanced", deepfer_balanced),
    Protocol(
        "deepfer_balanced_as_published",
        deepfer_balanced_as_published,
        leaks="Test pictures may be exact twins of training pictures.",
        honest="deepfer_balanced",
    ),
    Protocol("deepfer_jaffe", deepfer_jaffe),
    Protocol(
        "deepfer_jaffe_as_published",
        deepfer_jaffe_as_published,
        leaks="Drawn versions of one picture stand on several sides: they were made before the split.",
        honest="deepfer_jaffe",
    ),
    Protocol("deepfer_ferg_characters", deepfer_ferg_characters),
    Protocol(
        "deepfer_ferg_random_as_published",
        deepfer_ferg_random_as_published,
        leaks="Every character stands on every side.",
        honest="deepfer_ferg_characters",
    ),
    Protocol("sdl", sdl),
    Protocol(
        "sdl_as_published",
        sdl_as_published,
        leaks="Copies of one picture stand on several sides: rare classes were oversampled before the split.",
        honest="sdl",
    ),
    Protocol(
        "sdl_ferg_as_published", sdl_ferg_as_published, leaks="Every character stands on every side.", honest="deepfer_ferg_characters"
    ),
    Protocol("cnn123_folds_as_published", cnn123_folds_as_published, leaks=_SHARED, honest="subject_folds"),
    Protocol("thesis_cross", thesis_cross, labels="valence3"),
    Protocol("thesis_cross_as_published", thesis_cross_as_published, labels="valence3", leaks=_SHARED, honest="thesis_cross"),
    Protocol("cnncraft_six", cnncraft_six, labels="fer6"),
)
