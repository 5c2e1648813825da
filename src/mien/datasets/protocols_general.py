"""The general protocols, and the parts that the published ones are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from mien.core.errors import DatasetError, OptionError, UnknownNameError
from mien.datasets.base import SPLITS
from mien.datasets.partition import Rows, deal
from mien.datasets.plan import Fold
from mien.datasets.roster import Roster

Twins = Literal["together", "ignore"]


def official(roster: Roster, rng: np.random.Generator) -> list[Fold]:
    """The sides as the data set publishes them."""
    return [Fold("", np.arange(len(roster)), roster.split)]


def stratified(
    roster: Roster, rng: np.random.Generator, *, fractions: Sequence[float] = (0.8, 0.1, 0.1), twins: Twins = "together"
) -> list[Fold]:
    """Train, validation and test in the given fractions, each class too; subjects may stand on several sides.

    Exact twins stay on one side unless `twins="ignore"`, and frames of one sequence do in any case.
    """
    return [sides(roster, rng, fractions_of(fractions), roster.units(twins=together(twins)))]


def subject_split(
    roster: Roster,
    rng: np.random.Generator,
    *,
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    twins: Twins = "together",
    unknown: Literal["refuse", "drop"] = "refuse",
) -> list[Fold]:
    """Train, validation and test in about the given fractions, every subject on one side only.

    `unknown="drop"` leaves out the rows without a subject, which are refused otherwise.
    """
    known = _with_subjects(roster, unknown)
    return [sides(roster, rng, fractions_of(fractions), roster.units(twins=together(twins), subjects=True), known)]


def stratified_folds(
    roster: Roster, rng: np.random.Generator, *, folds: int = 5, validation: float = 0.1, twins: Twins = "together"
) -> list[Fold]:
    """Each row is tested once in `folds` folds of even classes; subjects may stand on several sides.

    `validation`: the share of all rows that is taken from the training side, 0 for none.
    """
    return rotation(roster, rng, folds, validation, roster.units(twins=together(twins)))


def subject_folds(
    roster: Roster,
    rng: np.random.Generator,
    *,
    folds: int = 5,
    validation: float = 0.1,
    twins: Twins = "together",
    unknown: Literal["refuse", "drop"] = "refuse",
) -> list[Fold]:
    """Each row is tested once in `folds` folds of about even classes, every subject in one fold only.

    The balance follows scikit-learn's StratifiedGroupKFold. `validation`: the share of all rows that is taken, by whole subjects, from
    the training side, 0 for none.
    """
    known = _with_subjects(roster, unknown)
    return rotation(roster, rng, folds, validation, roster.units(twins=together(twins), subjects=True), known)


def leave_one_subject_out(
    roster: Roster,
    rng: np.random.Generator,
    *,
    validation: float = 0.1,
    twins: Twins = "together",
    unknown: Literal["refuse", "drop"] = "refuse",
) -> list[Fold]:
    """One fold for each subject, who is tested on a model that never saw them.

    Training rows with an exact twin among the rows of the subject leave the fold, unless `twins="ignore"`. `validation` as in
    `subject_folds`.
    """
    known = _with_subjects(roster, unknown)
    everyone = sorted(set(_subjects(roster)[known].tolist()))
    return [_against(roster, rng, known, (subject,), (), validation, together(twins), subject) for subject in everyone]


def characters(
    roster: Roster,
    rng: np.random.Generator,
    *,
    test: str | Sequence[str] = (),
    validation: str | float | Sequence[str] = 0.1,
    twins: Twins = "together",
) -> list[Fold]:
    """The named subjects or characters are the test side; all others train.

    `test`: names, as a list or separated by commas. `validation`: names too, or a share of all rows, taken by whole subjects. Training
    rows with an exact twin on the test side are left out, unless `twins="ignore"`.
    """
    known = _with_subjects(roster, "drop")
    tested = named(roster, test, "test")
    share = validation if isinstance(validation, (int, float)) else 0.0
    checked = () if isinstance(validation, (int, float)) else named(roster, validation, "validation")
    return [_against(roster, rng, known, tested, checked, share, together(twins), "")]


def sides(
    roster: Roster, rng: np.random.Generator, fractions: Sequence[float], units: Rows, among: Rows | None = None, name: str = ""
) -> Fold:
    """One fold: the rows `among` (default all) dealt to train, validation and test in `fractions`, units whole."""
    rows = np.arange(len(roster)) if among is None else among
    wanted = [(split, share) for split, share in zip(SPLITS, fractions, strict=True) if share > 0]
    dealt = deal(roster.targets[rows], units[rows], [share for _, share in wanted], rng)
    return Fold(name, rows, np.array([split for split, _ in wanted])[dealt])


def rotation(roster: Roster, rng: np.random.Generator, folds: int, validation: float, units: Rows, among: Rows | None = None) -> list[Fold]:
    """`folds` folds over the rows `among`, each row on the test side of one of them.

    Raises OptionError for fewer than 2 folds, or more than there are units.
    """
    rows = np.arange(len(roster)) if among is None else among
    number = len(np.unique(units[rows]))
    if isinstance(folds, bool) or not isinstance(folds, int) or not 2 <= folds <= number:
        raise OptionError(
            f"folds is a whole number from 2 to the {number} units that {roster.name} can be divided into; received {folds!r}."
        )
    dealt = deal(roster.targets[rows], units[rows], [1 / folds] * folds, rng)
    made = []
    for k in range(folds):
        split = np.where(dealt == k, "test", "train").astype("<U10")
        _take_validation(roster, rng, rows, split, units, validation)
        made.append(Fold(f"{k + 1} of {folds}", rows, split))
    return made


def named(roster: Roster, names: str | int | Sequence[str], option: str) -> tuple[str, ...]:
    """Names of subjects, given as a list or separated by commas. Raises UnknownNameError, or OptionError where there is none."""
    if isinstance(names, bool) or not isinstance(names, (str, int, Sequence)):
        raise OptionError(f"{option} is names of subjects, as a list or separated by commas; received {names!r}.")
    names = str(names) if isinstance(names, int) else names  # a subject that is called 1
    given = tuple(part.strip() for part in names.split(",")) if isinstance(names, str) else tuple(map(str, names))
    known = sorted(set(_subjects(roster).tolist()) - {""})
    if not given or given == ("",):
        raise OptionError(f"{option} names the subjects of that side; received none of: {', '.join(known)}.")
    for name in given:
        if name not in known:
            raise UnknownNameError(f"subject of {roster.name}", name, known)
    return given


def together(twins: str) -> bool:
    """Whether the option `twins` keeps twins on one side. Raises OptionError for another word."""
    if twins not in ("together", "ignore"):
        raise OptionError(f'twins is "together" or "ignore"; received {twins!r}.')
    return twins == "together"


def _against(
    roster: Roster,
    rng: np.random.Generator,
    known: Rows,
    tested: Sequence[str],
    checked: Sequence[str],
    validation: float,
    apart: bool,
    name: str,
) -> Fold:
    """Test the subjects `tested`, validate on `checked` or on a share, train on the rest."""
    subjects = _subjects(roster)[known]
    split = np.where(np.isin(subjects, tested), "test", np.where(np.isin(subjects, checked), "validation", "train")).astype("<U10")
    units = roster.units(twins=apart, subjects=True)
    if not apart or not (held := np.isin(roster.twins[known], roster.twins[known[split == "test"]]) & (split != "test")).any():
        _take_validation(roster, rng, known, split, units, validation)
        return Fold(name, known, split)
    kept, split = known[~held], split[~held]
    _take_validation(roster, rng, kept, split, units, validation)
    return Fold(name, kept, split, notes=(f"{int(held.sum()):,} rows with an exact twin on the test side are left out.",))


def share_of(share: float, n: int, train: int) -> float:
    """What part of `train` rows makes up `share` of all `n` rows. Raises OptionError for a share that is none, or that leaves no row."""
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share < 1:
        raise OptionError(f"validation is a share of all rows from 0 to under 1; received {share!r}.")
    if share * n >= train > 0:
        raise OptionError(f"A validation side of {share:.0%} of {n:,} rows leaves none of {train:,} to train on. Lower validation.")
    return share * n / train if train else 0.0


def _take_validation(roster: Roster, rng: np.random.Generator, rows: Rows, split: Any, units: Rows, share: float) -> None:
    """Turn about `share` of all `rows` from train to validation, whole units, in place."""
    train = np.flatnonzero(split == "train")
    if not (part := share_of(share, len(rows), len(train))):
        return
    split[train[deal(roster.targets[rows[train]], units[rows[train]], [1 - part, part], rng) == 1]] = "validation"


def fractions_of(fractions: Sequence[float]) -> Sequence[float]:
    """`fractions`, checked: three shares that sum to 1, of which only validation may be 0. Raises OptionError."""
    given: Any = fractions
    plain = isinstance(given, (list, tuple)) and all(isinstance(f, (int, float)) and 0 <= f <= 1 for f in given)
    if not plain or len(fractions) != 3 or abs(sum(fractions) - 1) > 1e-6 or not fractions[0] or not fractions[2]:
        raise OptionError(
            f"fractions are the shares of train, validation and test, which sum to 1, as (0.8, 0.1, 0.1); received {fractions!r}. "
            "Only validation may be 0."
        )
    return fractions


def _subjects(roster: Roster) -> Any:
    if roster.subjects is None or not (roster.subjects != "").any():
        raise DatasetError(
            f"This protocol keeps subjects apart, and {roster.name} tells none. Use stratified or stratified_folds, "
            "or give the subjects: the column subject of a manifest."
        )
    return roster.subjects


def _with_subjects(roster: Roster, unknown: str) -> Rows:
    if unknown not in ("refuse", "drop"):
        raise OptionError(f'unknown is "refuse" or "drop"; received {unknown!r}.')
    known = np.flatnonzero(_subjects(roster) != "")
    if unknown == "refuse" and len(known) < len(roster):
        raise DatasetError(
            f"{len(roster) - len(known):,} of {len(roster):,} rows of {roster.name} have no subject. Name them, or leave them out with "
            'unknown="drop".'
        )
    return known
