"""How many pictures of each split and expression a data set has as published, and how what was found compares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Cell = tuple[str, str]
"""(split, expression); "" stands for any."""


@dataclass(frozen=True)
class Published:
    """Counts as published. `exact`: more pictures than these contradict the publication; without it, releases are known to differ."""

    counts: Mapping[Cell, int] = field(default_factory=dict)
    exact: bool = True

    def short(self, found: Mapping[Cell, int]) -> list[str]:
        """A phrase for each cell with fewer pictures than published. `found` are counts by split and expression, both told."""
        return [self._phrase(cell, found) for cell, n in self.counts.items() if matching(found, cell) < n]

    def over(self, found: Mapping[Cell, int]) -> list[str]:
        """A phrase for each cell with more pictures than published; none where that is no contradiction."""
        return [self._phrase(cell, found) for cell, n in self.counts.items() if self.exact and matching(found, cell) > n]

    def _phrase(self, cell: Cell, found: Mapping[Cell, int]) -> str:
        return f"{matching(found, cell):,} of {self.counts[cell]:,} {' '.join(part for part in cell if part) or 'pictures'}"


def matching(found: Mapping[Cell, int], cell: Cell) -> int:
    """The pictures of a cell, in which "" stands for any."""
    return sum(n for key, n in found.items() if all(want in ("", have) for want, have in zip(cell, key, strict=True)))


def tally(cells: Iterable[Cell]) -> dict[Cell, int]:
    """How often each cell occurs."""
    counts: dict[Cell, int] = {}
    for cell in cells:
        counts[cell] = counts.get(cell, 0) + 1
    return counts


_FER7 = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
_FER2013 = {
    "train": (3_995, 436, 4_097, 7_215, 4_830, 3_171, 4_965),
    "validation": (467, 56, 496, 895, 653, 415, 607),
    "test": (491, 55, 528, 879, 594, 416, 626),
}
_RAFDB = {"train": (705, 717, 281, 4_772, 1_982, 1_290, 2_524), "test": (162, 160, 74, 1_185, 478, 329, 680)}
_FER8 = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")
_AFFECTNET_TRAIN = (74_874, 134_415, 25_459, 14_090, 6_378, 3_803, 24_882, 3_750)
_CKPLUS = {"anger": 45, "contempt": 18, "disgust": 59, "fear": 25, "happiness": 69, "sadness": 28, "surprise": 83}
CALM = 3
"""Frames at the start of a sequence of contempt that may count as neutral."""
_JAFFE = (30, 29, 32, 31, 31, 30, 30)


def _by_split(table: Mapping[str, tuple[int, ...]]) -> dict[Cell, int]:
    return {(split, label): n for split, counts in table.items() for label, n in zip(_FER7, counts, strict=True)}


FER2013 = Published(_by_split(_FER2013))
"""Classes of FER2013; Goodfellow et al. (2013) give the totals of the splits."""
FERPLUS = {
    "label.csv": Published({("train", ""): 25_045, ("validation", ""): 3_191, ("test", ""): 3_137}),
    "fer2013new.csv": Published({("train", ""): 25_060, ("validation", ""): 3_199, ("test", ""): 3_153}),
}
"""Rows that the protocol of FER+ keeps, by the publication of the votes."""
RAFDB = Published(_by_split(_RAFDB))
"""Basic expressions of RAF-DB (Li et al., 2017)."""
AFFECTNET = Published(
    {("train", label): n for label, n in zip(_FER8, _AFFECTNET_TRAIN, strict=True)}
    | {("validation", label): 499 if label == "contempt" else 500 for label in _FER8},
    exact=False,
)
"""Expressions of AffectNet (Mollahosseini et al., 2019, table 3, less validation). The folder release lacks one validation image of
contempt; the CSV release has it."""
JAFFE = Published({("", label): n for label, n in zip(_FER7, _JAFFE, strict=True)})
"""JAFFE: 213 images (Lyons et al., 1998)."""
FERG = Published({("", ""): 55_767}, exact=False)
"""FERG: the total that its authors give; others count two more."""


def ckplus(per_sequence: int, *, neutral: str | None, every_sequence: bool) -> Published:
    """CK+ (Lucey et al., 2010, table 2): `per_sequence` rows of the expression in each sequence, and those that `neutral` names.

    `neutral` "first": a frame of each; "contempt": CALM frames of each of contempt's. `every_sequence`: also those without an expression,
    593 in all. `per_sequence` 0: as many as there are, which was not published.
    """
    sequences = 593 if every_sequence else sum(_CKPLUS.values())
    calm = {None: 0, "first": sequences, "contempt": CALM * _CKPLUS["contempt"]}[neutral]
    counts: dict[Cell, int] = {("", "neutral"): calm} if calm else {}
    if per_sequence:
        counts |= {("", label): n * per_sequence for label, n in _CKPLUS.items()}
        counts[("", "")] = sequences * per_sequence + calm
    return Published(counts)
