"""Whether a data set lies there whole: what was found of each split and expression, against what was published."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mien.core.errors import DatasetAbsentError, DatasetCorruptError, DatasetError, DatasetPartialError, InputError, UnknownNameError
from mien.datasets.base import DATASETS, SPLITS, Dataset, load_dataset, loader_of
from mien.datasets.fit import Fit
from mien.datasets.options import check_options
from mien.datasets.pictures import Check, Survey, check, read_each
from mien.datasets.published import FER2013, FERPLUS, Cell, Published, matching, tally
from mien.datasets.terms import how_to_get, how_to_mend, terms_of

State = Literal["whole", "partial", "absent", "corrupt"]
Progress = Callable[[int, int], None]

_ERRORS: dict[State, type[DatasetError]] = {
    "absent": DatasetAbsentError,
    "partial": DatasetPartialError,
    "corrupt": DatasetCorruptError,
}
_TABLES = ("fer2013", "ferplus")
"""Data sets that lie there as tables, and are read whole to be verified."""
_NOT_ON_DISK: dict[str, str] = {
    "made": "is made when it is asked for",
    "parts": "is made of other data sets; verify each of these",
}
"""Access to the data sets without files of their own → why they have none."""
_SHOWN = 5


@dataclass(frozen=True)
class Count:
    """Pictures found of a split and an expression, and how many were published; None where that is not known. "" stands for any."""

    split: str
    label: str
    found: int
    expected: int | None


@dataclass(frozen=True)
class Verification:
    """What lies there of a data set.

    `state`: "whole"; "partial", some of it is missing; "corrupt", some contradicts its format or its published counts; "absent", nothing of
    it. `found`: pictures in all, and `counts` of them. `faults`: a sentence for each thing that is wrong. `notes`: what its loader leaves
    out by rule. `remedy`: what to do; "" when whole.
    """

    name: str
    where: str
    state: State
    found: int = 0
    counts: tuple[Count, ...] = ()
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    remedy: str = ""

    def need_whole(self) -> None:
        """Raise DatasetAbsentError, DatasetPartialError or DatasetCorruptError unless `state` is "whole"; it ends with the remedy."""
        if self.state == "whole":
            return
        if not self.counts:
            raise _ERRORS[self.state](" ".join((*self.faults, self.remedy)).strip())
        more = f" … and {len(self.faults) - _SHOWN:,} more." if len(self.faults) > _SHOWN else ""
        shown = " ".join(self.faults[:_SHOWN])
        raise _ERRORS[self.state](f"{self.name} is {self.state}: {shown}{more} {self.remedy}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        counts = [vars(count) for count in self.counts]
        return {**vars(self), "counts": counts, "faults": list(self.faults), "notes": list(self.notes)}


def verify(name: str, data_dir: str | Path, *, decode: bool = True, progress: Progress | None = None, **options: Any) -> Verification:
    """Look at all of the data set `name` in `data_dir`, a picture at a time, so that it needs no memory.

    `decode`: read every picture; without it, their files are only looked for. `options`: those of the loader that say which rows there
    are. `progress`: told how many pictures were read, and of how many.

    Raises UnknownNameError for a data set or an option that does not exist, and for one that has no files of its own.
    """
    if (access := terms_of(name).access) in _NOT_ON_DISK:
        raise UnknownNameError("data set on disk", name, readable(), hint=f"{name} {_NOT_ON_DISK[access]}.")
    try:
        if name in _TABLES:
            return _verify_table(name, Path(data_dir), options)
        module = loader_of(name)
        check_options(name, module.survey, options)
        return _verify_pictures(module.survey(Path(data_dir), **options), decode, progress)
    except DatasetError as error:
        return _failed(name, data_dir, error)
    except OSError as error:
        told = f"Can't read {error.filename or data_dir}: {error.strerror}. Give a folder that you may read."
        return Verification(name, str(data_dir), "absent", faults=(told,), remedy=how_to_get(name))


def find_dataset(name: str, data_dir: str | Path) -> Path | None:
    """Where `data_dir` holds the data set, by a look at its folders; None where it does not. Raises UnknownNameError."""
    try:
        found: Path = loader_of(name).find(Path(data_dir))
    except (DatasetError, OSError):
        return None
    return found


def readable() -> list[str]:
    """The data sets that have files of their own, in the registry's order."""
    return [name for name in DATASETS if terms_of(name).access not in _NOT_ON_DISK]


def _failed(name: str, data_dir: str | Path, error: DatasetError) -> Verification:
    """The state that an error of a loader tells of. Its message holds the remedy."""
    state: State = next(state for state, kind in _ERRORS.items() if isinstance(error, kind))
    return Verification(name, str(data_dir), state, faults=(str(error),))


def _verify_pictures(survey: Survey, decode: bool, progress: Progress | None) -> Verification:
    checked = check(survey)
    broken = [*checked.broken, *_holds(survey.published.over(checked.found), "More than was published")]
    if decode:
        broken += _unreadable(survey, checked, progress)
    missing = [*checked.missing, *_holds(survey.published.short(checked.found), "Found")]
    return _judge(survey.name, survey.where, checked.found, survey.published, broken, missing, survey.notes)


def _unreadable(survey: Survey, checked: Check, progress: Progress | None) -> list[str]:
    rows = [survey.rows[i] for i in sorted(checked.columns)]
    faults = []
    for done, result in enumerate(read_each(rows, Fit()), start=1):
        if isinstance(result, InputError):
            faults.append(f"{rows[done - 1].id}: {result}")
        if progress is not None:
            progress(done, len(rows))
    return faults


def _verify_table(name: str, data_dir: Path, options: Mapping[str, Any]) -> Verification:
    dataset = load_dataset(name, data_dir, **{**options, "verify": False})
    expected = FER2013 if name == "fer2013" else _of_ferplus(options)
    found = tally(_cells(dataset))
    where = loader_of(name).find(data_dir)
    broken, missing = _holds(expected.over(found), "More than was published"), _holds(expected.short(found), "Found")
    return _judge(name, where, found, expected, broken, missing, dataset.notes)


def _of_ferplus(options: Mapping[str, Any]) -> Published:
    return FERPLUS[options.get("labels_from", "label.csv")] if options.get("keep", "majority") == "majority" else Published()


def _cells(dataset: Dataset) -> list[Cell]:
    names = [*dataset.labels, "none"]
    return [(split, names[target]) for split, target in zip(dataset.split.tolist(), dataset.targets.tolist(), strict=True)]


def _holds(cells: Sequence[str], what: str) -> list[str]:
    return [f"{what}: {', '.join(cells)}."] if cells else []


def _counts(found: Mapping[Cell, int], published: Published) -> tuple[Count, ...]:
    """The cells that were published, and those found that none of these tells of."""
    told = {label for split, label in published.counts if not split}
    cells = sorted({*published.counts, *(cell for cell in found if cell[1] not in told)}, key=_order)
    return tuple(Count(*cell, matching(found, cell), published.counts.get(cell)) for cell in cells)


def _order(cell: Cell) -> tuple[int, bool, str]:
    """By split, the whole of it last."""
    split, label = cell
    return SPLITS.index(split) if split else len(SPLITS), not label, label


def _judge(
    name: str,
    where: Path,
    found: Mapping[Cell, int],
    published: Published,
    broken: Sequence[str],
    missing: Sequence[str],
    notes: Sequence[str],
) -> Verification:
    state: State = "corrupt" if broken else "partial" if missing else "whole"
    remedy = "" if state == "whole" else how_to_mend(name)
    counts = _counts(found, published)
    return Verification(name, str(where), state, sum(found.values()), counts, (*broken, *missing), tuple(notes), remedy)
