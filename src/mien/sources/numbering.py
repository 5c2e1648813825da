"""The true places of a video's frames, also where some are lost."""

from __future__ import annotations

import heapq


class Numbering:
    """Numbers frames by their place in the file, in which the lost ones have a place too."""

    def __init__(self) -> None:
        self.next = 0
        self._due: list[int] = []
        self._lost = 0

    def expect(self, pts: int) -> None:
        """A packet that is to be shown then was read."""
        heapq.heappush(self._due, pts)

    def lose(self) -> None:
        """A packet gave no frame."""
        self._lost += 1

    def number(self, pts: int | None) -> int:
        """The next good frame's."""
        passed = 0
        while pts is not None and self._due and self._due[0] <= pts:
            heapq.heappop(self._due)
            passed += 1
        # Not every packet is a frame: one without a frame counts only where one was lost.
        skipped = min(max(passed - 1, 0), self._lost)
        self._lost -= skipped
        number = self.next + skipped
        self.next = number + 1
        return number
