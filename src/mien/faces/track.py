"""Which face is which over time: predicted boxes linked to found ones by the best assignment, and people known again by their looks.

The links are SORT (Bewley et al., 2016, doi:10.1109/ICIP.2016.7533003) with overlaps of enlarged boxes (Yang et al., 2023,
arXiv:2211.14317) in place of a Kalman filter, to which the likeness of looks is added (after Wojke et al., 2017,
doi:10.1109/ICIP.2017.8296962). Who a track is, is decided by `mien.faces.people`.

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
from mien.faces.look import View, apart
from mien.faces.people import People, Person

MEMORY_S = 1.0

_UNKNOWN_STEP_S = 1 / 25
_LONGEST_STEP_S = MEMORY_S / 2.5  # at any sampling rate a face is remembered over two pictures without it
_BUFFER = 0.3  # a face that moves by more than its width between sampled frames is still linked
_LEAST_OVERLAP = 0.1
_STEADY_S = 0.15  # a velocity is averaged over about this time: boxes tremble by some pixels
_STRANGE_S = 0.3  # what has looked unlike its person for longer may be someone else
_GAP_S = 0.15  # after a longer one another face may have taken the place
_UNLIKE = 0.35  # looks that differ by less, 0–1, speak for a link, by more against it


@dataclass(eq=False)
class _Track:
    """A face as last seen: `box` float64 (4,) xyxy, `seen_s` on the tracker's clock, `velocity` of the centre (2,) in pixels a second.

    `unfit_s`: since when its look has not been its person's; `apart`: whether it was out of sight since it last was.
    """

    person: Person
    box: NDArray[np.float64]
    seen_s: float
    velocity: NDArray[np.float64]
    unfit_s: float | None = None
    apart: bool = False

    def expected(self, clock_s: float) -> NDArray[np.float64]:
        """Where the box should be now."""
        return self.box + np.tile(self.velocity * (clock_s - self.seen_s), 2)

    def see(self, box: NDArray[np.float64], clock_s: float, before_s: float) -> None:
        """Take a new sighting; `before_s` is the time of the frame before."""
        elapsed = clock_s - self.seen_s
        self.apart |= self.seen_s < before_s and elapsed > _GAP_S
        moved = (box - self.box).reshape(2, 2).mean(axis=0) / elapsed
        weight = 1 - math.exp(-elapsed / _STEADY_S)
        self.velocity = (1 - weight) * self.velocity + weight * moved
        self.box, self.seen_s = box, clock_s


class Tracker:
    """Gives the faces of one video ids that stay: 1, 2, 3 … in order of appearance. Make a new one for each source.

    A face that is lost keeps its id for a second, and for at least two sampled frames; one that is known by its look for
    `people.RECALL_S` seconds, wherever it comes back. Without views there are no looks.
    """

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._people = People()
        self._count = 0
        self._last_s: float | None = None
        self._clock_s = self._before_s = 0.0

    def update(self, faces: Sequence[Face], time_s: float | None = None, seen: Sequence[View] = ()) -> list[int]:
        """The id of each face of the next frame, in their order.

        `time_s` is the frame's time in seconds; None, or a time that does not advance, counts as 1/25 s after the last. `seen`: how each
        of them looks (`look.views`). A frame without faces is to be given, too: it ages what is lost.
        """
        self._advance(time_s)
        self._forget()
        boxes = np.array([face.box_xyxy for face in faces], np.float64).reshape(-1, 4)
        linked = self._link(boxes, seen)
        for row, box in enumerate(boxes):
            if row in linked:
                linked[row].see(box, self._clock_s, self._before_s)
            else:
                linked[row] = self._appear(box)
        self._settle([(linked[row], view) for row, view in enumerate(seen) if view.telling])
        return [linked[row].person.number for row in range(len(boxes))]

    def _advance(self, time_s: float | None) -> None:
        step = _UNKNOWN_STEP_S if time_s is None or self._last_s is None else time_s - self._last_s
        self._before_s = self._clock_s
        self._clock_s += min(step, _LONGEST_STEP_S) if step > 0 else _UNKNOWN_STEP_S
        self._last_s = time_s

    def _forget(self) -> None:
        gone = [track for track in self._tracks if self._clock_s - track.seen_s > MEMORY_S]
        self._people.leave([track.person for track in gone], self._clock_s)
        self._tracks = [track for track in self._tracks if track not in gone]

    def _appear(self, box: NDArray[np.float64]) -> _Track:
        track = _Track(self._newcomer(), box, self._clock_s, np.zeros(2))
        self._tracks.append(track)
        return track

    def _newcomer(self) -> Person:
        self._count += 1
        return Person(self._count, self._clock_s, self._clock_s)

    def _link(self, boxes: NDArray[np.float64], seen: Sequence[View]) -> dict[int, _Track]:
        """Rows of `boxes` with the track that each continues: the assignment with the largest sum of overlaps and likenesses."""
        expected = np.array([track.expected(self._clock_s) for track in self._tracks]).reshape(-1, 4)
        value = overlaps(_enlarged(boxes), _enlarged(expected))
        value[value < _LEAST_OVERLAP] = 0.0
        if seen:
            unlike = apart(seen, [track.person.look for track in self._tracks])
            value = np.clip(value + np.where(np.isnan(unlike), 0.0, _UNLIKE - unlike), 0.0, None) * (value > 0)
        pairs = zip(*linear_sum_assignment(value, maximize=True), strict=True)
        return {int(row): self._tracks[column] for row, column in pairs if value[row, column] > 0}

    def _settle(self, told: Sequence[tuple[_Track, View]]) -> None:
        """Say who the tracks are whose views tell."""
        if not told:
            return
        unseen = [track for track in self._tracks if track.seen_s < self._clock_s]
        held, seen = [track.person for track, _ in told], [view for _, view in told]
        people = self._people.settle(held, seen, [track.person for track in unseen], self._clock_s)
        self._tracks = [track for track in self._tracks if track not in unseen or track.person not in people]
        for (track, view), person in zip(told, people, strict=True):
            track.person = person
            self._doubt(track, view)
            track.person.learn(view, self._clock_s)

    def _doubt(self, track: _Track, view: View) -> None:
        """What becomes of a track that has looked unlike its person for a while: someone new after a gap, else a look to learn anew."""
        if track.person.fits(view):
            track.unfit_s, track.apart = None, False
            return
        track.unfit_s = self._clock_s if track.unfit_s is None else track.unfit_s
        unfit_s = self._clock_s - track.unfit_s
        if track.apart and unfit_s > _STRANGE_S:
            self._people.leave([track.person], self._clock_s)
            track.person = self._newcomer()
        elif unfit_s > max(track.person.known_s, _STRANGE_S):
            track.person.relearn(view)


def _enlarged(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    margin = _BUFFER * (boxes[:, 2:] - boxes[:, :2])
    return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], axis=1)
