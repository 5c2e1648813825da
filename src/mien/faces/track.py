"""Which face is which over time: ByteTrack (Zhang et al., 2022, arXiv:2110.06864) of the package `trackers`, fed with true times.

`trackers` is where `supervision` moved its trackers to (it has none of its own since 0.31); norfair asks for rich < 15 and filterpy.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from supervision import Detections
from trackers import BIoU, ByteTrackTracker

from mien.core.types import Face

MEMORY_S = 1.0

_UNKNOWN_STEP_S = 1 / 25
_LONGEST_STEP_S = MEMORY_S / 2.5  # at any sampling rate a face is remembered over two pictures without it
_BUFFER = 0.3  # a face that moves by more than its width between sampled frames is still linked
_LEAST_OVERLAP = 0.1


class Tracker:
    """Gives the faces of one video ids that stay: 1, 2, 3 … in order of appearance. Make a new one for each source.

    A face that is lost keeps its id for a second, and for at least two sampled frames.
    """

    def __init__(self) -> None:
        self._tracker = ByteTrackTracker(
            lost_track_buffer=round(30 * MEMORY_S),  # counted at 30 frames/s, applied in seconds
            track_activation_threshold=0.0,
            minimum_consecutive_frames=1,
            minimum_iou_threshold=_LEAST_OVERLAP,
            high_conf_det_threshold=0.5,
            iou=BIoU(_BUFFER),
        )
        self._last_s: float | None = None
        self._clock_s = 0.0

    def update(self, faces: Sequence[Face], time_s: float | None = None) -> list[int | None]:
        """The id of each face of the next frame, in their order.

        `time_s` is the frame's time in seconds; None, or a time that does not advance, counts as 1/25 s after the last.
        A frame without faces is to be given, too: it ages what is lost.
        """
        self._advance(time_s)
        boxes = np.array([face.box_xyxy for face in faces], np.float32).reshape(-1, 4)
        scores = np.array([face.score for face in faces], np.float32)
        ids = self._link(boxes, scores)
        new = np.flatnonzero(ids < 0)
        if new.size:
            # A face gets its id when it is seen again: new ones are shown again at the same instant, faint ones first as sure ones.
            self._link(boxes[new], np.ones(new.size, np.float32))
            ids[new] = self._link(boxes[new], np.ones(new.size, np.float32))
        return [int(i) + 1 if i >= 0 else None for i in ids]

    def _advance(self, time_s: float | None) -> None:
        step = _UNKNOWN_STEP_S if time_s is None or self._last_s is None else time_s - self._last_s
        self._clock_s += min(step, _LONGEST_STEP_S) if step > 0 else _UNKNOWN_STEP_S
        self._last_s = time_s

    def _link(self, boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> NDArray[np.int64]:
        """Ids from 0, in the order given; -1 is none."""
        shown = Detections(xyxy=boxes, confidence=scores, data={"row": np.arange(len(boxes))})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that an instant is shown twice
            linked = self._tracker.update(shown, timestamp=self._clock_s)
        ids = np.full(len(boxes), -1, np.int64)
        if linked.tracker_id is not None:
            ids[linked.data["row"]] = linked.tracker_id
        return ids
