"""Small pictures of one face over time, however long it is seen: few enough for a page, and where there was most to see."""

from __future__ import annotations

from collections.abc import Callable

from mien.core.types import Prediction
from mien.report.moments import CLEARER, Shot

MOST = 60


class Album:
    """At most `MOST` shots of a face, at most one in each `slot_s` seconds; when they are full, each two slots become one.

    Of each slot the most marked moment is kept: the surest expression but neutral, or the surest neutral where there was no other.
    """

    def __init__(self) -> None:
        self.slot_s = 0.5
        self._shots: dict[int, tuple[bool, Shot]] = {}

    @property
    def shots(self) -> list[Shot]:
        """The shots, in time."""
        return [shot for _, (_, shot) in sorted(self._shots.items())]

    def add(self, time_s: float, prediction: Prediction, picture: Callable[[], bytes]) -> None:
        """Offer a moment; `picture` makes its JPEG, if it is wanted."""
        marked, sure = prediction.label != "neutral", prediction.confidence
        slot = int(time_s // self.slot_s)
        held = self._shots.get(slot)
        if held is not None and (marked, sure) <= (held[0], held[1].confidence + CLEARER * (marked == held[0])):
            return
        self._shots[slot] = marked, Shot(time_s, sure, picture(), prediction.label)
        while len(self._shots) > MOST:
            self._halve()

    def _halve(self) -> None:
        self.slot_s *= 2
        old, self._shots = self._shots, {}
        for marked, shot in old.values():
            slot = int(shot.time_s // self.slot_s)
            held = self._shots.get(slot)
            if held is None or (marked, shot.confidence) > (held[0], held[1].confidence):
                self._shots[slot] = marked, shot
