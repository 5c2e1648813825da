"""Who a track is: people are known again by their looks when they come back, or come out of a crossing with each other's places.

Looks are learnt from views that nobody nearer hides. In each frame the tracks with such a view are given the people that they look like
most, all together and one to one, out of those that they are held for and those that are away. So it works as the frames come; an id that
was wrong for some frames is put right from then on, and no later.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mien.faces.look import UNKNOWN, View, apart, blend

RECALL_S = 10.0

# Differences of looks, 0–1 (`look.apart`). In the worst of four drawn clips, 95 % of the views of one person that nothing hides differ by
# less than .125, and 95 % of those of two people by more than .122; the medians are .01 and .30.
_SAME = 0.12
_HELD = 0.03  # by so much another person must fit better than the one that the track is held for
_KNOWN_S = 0.3  # only who was seen for so long is recalled: an id may stand for a board that a face was half behind
_MARGIN = 0.04  # by so much a person who is away must fit better than the next who is, or nobody is recalled
_LEARN_S = 1.0  # a look is averaged over about this time: light and pose change
_YOUNG_S = 1.0  # an id that is not older has no say against an older one who is away: its look is what was just seen, or half hidden
_AGAIN = 0.07  # to whom a young one looks so much alike it is
_MOST_AWAY = 100
_NEVER = 1e6


@dataclass(eq=False)
class Person:
    """An id and who it stands for: since when, and last seen when, on the tracker's clock.

    `look`: float32 (3, 32), zeros where a cell is unknown. `known_s`: for how long it was learnt.
    """

    number: int
    since_s: float
    seen_s: float
    look: NDArray[np.float32] = field(default_factory=lambda: UNKNOWN)
    known_s: float = 0.0

    def fits(self, view: View) -> bool:
        """Whether a view may be of this person."""
        return not apart([view], [self.look])[0, 0] >= _SAME

    def learn(self, view: View, clock_s: float) -> None:
        """Take a view for one of this person, unless it is too different: what hides someone is not always known."""
        if not self.look.any():
            self.relearn(view)
        elif self.fits(view):
            self.known_s += min(clock_s - self.seen_s, _KNOWN_S / 3)
            self.look = blend(self.look, view, 1 - math.exp(-(clock_s - self.seen_s) / _LEARN_S))
        self.seen_s = clock_s

    def relearn(self, view: View) -> None:
        """Begin the look anew."""
        self.look, self.known_s = np.where(view.free[:, None], view.look, np.float32(0)), 0.0


class People:
    """The people of one video who are away, for RECALL_S seconds at most."""

    def __init__(self) -> None:
        self._away: list[Person] = []

    def leave(self, gone: Sequence[Person], clock_s: float) -> None:
        """Keep those with a look who are no longer followed, and forget who has been away for too long."""
        kept = [one for one in [*self._away, *gone] if one.look.any() and clock_s - one.seen_s <= RECALL_S]
        self._away = kept[-_MOST_AWAY:]

    def settle(self, held: Sequence[Person], seen: Sequence[View], unseen: Sequence[Person], clock_s: float) -> list[Person]:
        """Who the tracks are that were held for `held` and are `seen` so; `unseen` are followed but not in this frame."""
        known = [*held, *(one for one in [*self._away, *unseen] if one.known_s >= _KNOWN_S)]
        unlike = apart(seen, [one.look for one in known])
        cost = np.array([_costs(row, k, known, len(held), clock_s) for k, row in enumerate(unlike)])
        for row in cost:
            if len(known) > len(held) + 1 and np.diff(np.sort(row[len(held) :])[:2])[0] < _MARGIN:
                row[len(held) :] = _NEVER
        people = [known[column] for column in linear_sum_assignment(cost)[1]]
        left = [own for own in held if own not in people and clock_s - own.since_s >= _YOUNG_S]
        self._away = [one for one in self._away if one not in people] + [own for own in left if own.look.any()]
        return people


def _costs(unlike: NDArray[np.float64], place: int, known: Sequence[Person], held: int, clock_s: float) -> list[float]:
    """How little speaks for each of `known`, the first `held` of them held for tracks, where a track was held for the one at `place`."""
    own = known[place]
    keep = (_SAME if np.isnan(unlike[place]) else float(unlike[place])) - _HELD
    young = clock_s - own.since_s < _YOUNG_S
    costs = []
    for k, (other, differs) in enumerate(zip(known, unlike.tolist(), strict=True)):
        if k == place:
            costs.append(keep)
        elif not differs < _SAME:
            costs.append(_NEVER)
        elif young and k >= held and other.since_s < own.since_s:
            costs.append(keep + differs - _AGAIN)
        else:
            costs.append(differs)
    return costs
