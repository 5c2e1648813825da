"""How well tracks keep people apart over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mien.core.boxes import overlaps
from mien.core.errors import InputError


@dataclass(frozen=True, eq=False)
class Boxes:
    """Boxes of a video: `frames` int (N,), `who` int (N,), identities or tracks, and `box_xyxy` float (N, 4) in pixels."""

    frames: NDArray[np.integer]
    who: NDArray[np.integer]
    box_xyxy: NDArray[np.floating]

    def __post_init__(self) -> None:
        n = len(self.frames)
        if self.frames.shape != (n,) or self.who.shape != (n,) or self.box_xyxy.shape != (n, 4):
            shapes = [part.shape for part in (self.frames, self.who, self.box_xyxy)]
            raise InputError(f"Boxes have frames (N,), who (N,) and box_xyxy (N, 4); received {shapes}.")


@dataclass(frozen=True)
class Identity:
    """`true`, `missed`, `extra`: boxes under the right identity, true ones without, found ones without."""

    true: int
    missed: int
    extra: int

    @property
    def idf1(self) -> float:
        """2 IDTP / (2 IDTP + IDFN + IDFP), 0–1; 1 where nothing was there and nothing was found."""
        total = 2 * self.true + self.missed + self.extra
        return 2 * self.true / total if total else 1.0


def identity(truth: Boxes, found: Boxes, least_overlap: float = 0.5) -> Identity:
    """Identity counts of tracks against the truth (Ristani et al., 2016, doi:10.1007/978-3-319-48881-3_2).

    Each true identity is given at most one track, and each track one identity, so that most boxes agree; two boxes of a frame agree where
    their intersection over union is `least_overlap` or more.
    """
    people, rows = np.unique(truth.who, return_inverse=True)
    tracks, columns = np.unique(found.who, return_inverse=True)
    agree = np.zeros((len(people), len(tracks)), np.int64)
    for frame in np.intersect1d(truth.frames, found.frames):
        own, other = np.flatnonzero(truth.frames == frame), np.flatnonzero(found.frames == frame)
        near = overlaps(truth.box_xyxy[own], found.box_xyxy[other]) >= least_overlap
        for i, j in np.argwhere(near):
            agree[rows[own[i]], columns[other[j]]] += 1
    true = int(agree[linear_sum_assignment(agree, maximize=True)].sum())
    return Identity(true, len(truth.frames) - true, len(found.frames) - true)
