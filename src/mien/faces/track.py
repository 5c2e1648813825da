"""Which face is which over time: predicted boxes linked to found ones by the best assignment.

This is SORT (Bewley et al., 2016, doi:10.1109/ICIP.2016.7533003) with overlaps of enlarged boxes (Yang et al., 2023, arXiv:2211.14317) in
place of a Kalman filter.

Times are the frames' own, so any sampling rate will do. Ready-made trackers were left for their weight: `trackers` (ByteTrack) brings
supervision and matplotlib, some 90 MB and 0.7 s of start-up; norfair brings filterpy, and asks for rich < 15.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mien.core.boxes import overlaps
from mien.core.types import Face

MEMORY_S = 1.0

_UNKNOWN_STEP_S = 1 / 25
_LONGEST_STEP_S = MEMORY_S / 2.5  # at any sampling rate a face is remembered over two pictures without it
_BUFFER = 0.3  # a face that moves by more than its width between sampled frames is still linked
_LEAST_OVERLAP = 0.1
_STEADY_S = 0.15  # a velocity is averaged over about this time: boxes tremble by some pixels


@dataclass
class _Track:
    """A face as last seen: `box` float64 (4,) xyxy, `seen_s` on the tracker's clock, `velocity` of the centre (2,) in pixels a second."""

    number: int
    box: NDArray[np.float64]
    seen_s: float
    velocity: NDArray[np.float64]

    def expected(self, clock_s: float) -> NDArray[np.float64]:
        """Where the box should be now."""
        return self.box + np.tile(self.velocity * (clock_s - self.seen_s), 2)

    def see(self, box: NDArray[np.float64], clock_s: float) -> None:
        """Take a new sighting."""
        elapsed = clock_s - self.seen_s
        moved = (box - self.box).reshape(2, 2).mean(axis=0) / elapsed
        weight = 1 - math.exp(-elapsed / _STEADY_S)
        self.velocity = (1 - weight) * self.velocity + weight * moved
        self.box, self.seen_s = box, clock_s


class Tracker:
    """Gives the faces of one video ids that stay: 1, 2, 3 … in order of appearance. Make a new one for each source.

    A face that is lost keeps its id for a second, and for at least two sampled frames.
    """

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._count = 0
        self._last_s: float | None = None
        self._clock_s = 0.0

    def update(self, faces: Sequence[Face], time_s: float | None = None) -> list[int]:
        """The id of each face of the next frame, in their order.

        `time_s` is the frame's time in seconds; None, or a time that does not advance, counts as 1/25 s after the last.
        A frame without faces is to be given, too: it ages what is lost.
        """
        self._advance(time_s)
        self._tracks = [track for track in self._tracks if self._clock_s - track.seen_s <= MEMORY_S]
        boxes = np.array([face.box_xyxy for face in faces], np.float64).reshape(-1, 4)
        linked = self._link(boxes)
        for row, box in enumerate(boxes):
            if row in linked:
                linked[row].see(box, self._clock_s)
            else:
                linked[row] = self._appear(box)
        return [linked[row].number for row in range(len(boxes))]

    def _advance(self, time_s: float | None) -> None:
        step = _UNKNOWN_STEP_S if time_s is None or self._last_s is None else time_s - self._last_s
        self._clock_s += min(step, _LONGEST_STEP_S) if step > 0 else _UNKNOWN_STEP_S
        self._last_s = time_s

    def _appear(self, box: NDArray[np.float64]) -> _Track:
        self._count += 1
        track = _Track(self._count, box, self._clock_s, np.zeros(2))
        self._tracks.append(track)
        return track

    def _link(self, boxes: NDArray[np.float64]) -> dict[int, _Track]:
        """Rows of `boxes` with the track that each continues: the assignment with the largest sum of overlaps."""
        expected = np.array([track.expected(self._clock_s) for track in self._tracks]).reshape(-1, 4)
        shared = overlaps(_enlarged(boxes), _enlarged(expected))
        pairs = zip(*linear_sum_assignment(shared, maximize=True), strict=True)
        return {int(row): self._tracks[column] for row, column in pairs if shared[row, column] >= _LEAST_OVERLAP}


def _enlarged(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    margin = _BUFFER * (boxes[:, 2:] - boxes[:, :2])
    return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], axis=1)
