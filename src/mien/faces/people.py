"""Who a track is: people are known again by their looks when they come back, or come out of a crossing with each other's places.

Looks are learnt from views that nobody nearer hides. In each frame the tracks with such a view are given the people that they look like
most, all together and one to one, out of those that they are held for and those that are away. So it works as the frames come; an id that
was wrong for some frames is put right from then on, and no later.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mien.faces.look import View, apart, blend

RECALL_S = 10.0

# Differences of looks, 0–1 (`look.apart`). On drawn clips, views of one person that nothing hides differ by .01 in the median and those
# of two people by .30; 95 % of the former and 5 % of the latter lie below .12.
_SAME = 0.12
_HELD = 0.03  # by so much another person must fit better than the one that the track is held for
_KNOWN_S = 0.3  # only who was seen for so long is recalled: an id may stand for a board that a face was half behind
_MARGIN = 0.04  # by so much a person who is away must fit better than the next who is, or nobody is recalled
_LEARN_S = 1.0  # a look is averaged over about this time: light and pose change
_YOUNG_S = 1.0  # an id that is not older has no say against an older one who is away: its look is what was just seen, or half hidden
_AGAIN = 0.07  # to whom a young one looks so much alike it is
_MOST_AWAY = 100
_NEVER = 9.0


@dataclass(eq=False)
class Person:
    """An id and who it stands for: since when, and last seen when, on the tracker's clock.

    `look`: float32 (3, 32), zeros where a cell is unknown; None so far. `known_s`: for how long it was learnt.
    """

    number: int
    since_s: float
    seen_s: float
    look: NDArray[np.float32] | None = None
    known_s: float = 0.0

    def unlike(self, view: View | None) -> float | None:
        """How different a view is, 0–1; None where nothing can be said."""
        return apart(view, self.look) if view is not None and view.free.any() and self.look is not None else None

    def fits(self, view: View) -> bool:
        """Whether a view may be of this person."""
        return self.look is None or apart(view, self.look) < _SAME

    def learn(self, view: View, clock_s: float) -> None:
        """Take a view for one of this person, unless it is too different: what hides someone is not always known."""
        if self.look is None:
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
        kept = [one for one in [*self._away, *gone] if one.look is not None and clock_s - one.seen_s <= RECALL_S]
        self._away = kept[-_MOST_AWAY:]

    def settle(self, held: Sequence[Person], seen: Sequence[View], unseen: Sequence[Person], clock_s: float) -> list[Person]:
        """Who the tracks are that were held for `held` and are `seen` so; `unseen` are followed but not in this frame."""
        known = [*held, *(one for one in [*self._away, *unseen] if one.known_s >= _KNOWN_S)]
        cost = np.array([_costs(view, own, held, known, clock_s) for own, view in zip(held, seen, strict=True)])
        for row in cost:
            if len(known) > len(held) + 1 and np.diff(np.sort(row[len(held) :])[:2])[0] < _MARGIN:
                row[len(held) :] = _NEVER
        people = [known[column] for column in linear_sum_assignment(cost)[1]]
        left = [own for own in held if own not in people and clock_s - own.since_s >= _YOUNG_S]
        self._away = [one for one in self._away if one not in people] + [own for own in left if own.look is not None]
        return people


def _costs(view: View, own: Person, held: Sequence[Person], known: Sequence[Person], clock_s: float) -> list[float]:
    """How little speaks for each of `known` where the track was held for `own`."""
    unlike = own.unlike(view)
    keep = (_SAME if unlike is None else unlike) - _HELD
    young = clock_s - own.since_s < _YOUNG_S
    out = []
    for other in known:
        differs = other.unlike(view)
        if other is own:
            out.append(keep)
        elif differs is None or differs >= _SAME:
            out.append(_NEVER)
        elif young and other not in held and other.since_s < own.since_s:
            out.append(keep + differs - _AGAIN)
        else:
            out.append(differs)
    return out
