"""What a model of sequences is given of a video: the last pictures of each face, at the rate that it learnt from."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import numpy as np

from mien.artifact import SequenceModel
from mien.core.types import RGB
from mien.dynamics.series import gap_s


class Recent:
    """The last crops of every track of one video, at most as many as the longest sequence that the model learnt from.

    Where its card tells a rate, they are taken in its steps, back from the newest, each the latest one that had come by then; without one,
    every analysed frame counts. A face that was away for longer than `mien.dynamics.series.gap_s` begins anew.
    """

    def __init__(self, model: SequenceModel) -> None:
        self._longest: int = model.card.sequence["longest"]
        rate_hz: float | None = model.card.sequence["rate_hz"]
        self._step_s = None if rate_hz is None else 1 / rate_hz
        self._kept: dict[int, deque[tuple[float, RGB]]] = {}
        self._before_s, self._apart_s = math.nan, math.inf

    def add(self, time_s: float, ids: Sequence[int | None], crops: Sequence[RGB]) -> list[list[RGB]]:
        """Take in the faces of one frame; gives for each the sequence that ends with it. One without a track is a sequence by itself."""
        if time_s > self._before_s:
            self._apart_s = min(self._apart_s, time_s - self._before_s)
        self._before_s = time_s
        longest = gap_s(self._apart_s if math.isfinite(self._apart_s) else 0.0)
        self._kept = {id_: kept for id_, kept in self._kept.items() if time_s - kept[-1][0] <= longest}
        return [[crop] if id_ is None else self._of(time_s, id_, crop) for id_, crop in zip(ids, crops, strict=True)]

    def _of(self, time_s: float, id_: int, crop: RGB) -> list[RGB]:
        kept = self._kept.setdefault(id_, deque())
        kept.append((time_s, crop))
        if self._step_s is None:
            while len(kept) > self._longest:
                kept.popleft()
            return [one for _, one in kept]
        span_s = (self._longest - 1) * self._step_s
        while len(kept) > 1 and kept[1][0] <= time_s - span_s:
            kept.popleft()
        times_s = np.array([at for at, _ in kept])
        steps = min(self._longest, 1 + round((time_s - times_s[0]) / self._step_s))
        wanted_s = time_s - self._step_s * np.arange(steps)[::-1]
        # a quarter of a step late still counts as come: times of a video are seldom whole steps
        places = np.maximum(np.searchsorted(times_s, wanted_s + self._step_s / 4, side="right") - 1, 0)
        return [kept[place][1] for place in places]
