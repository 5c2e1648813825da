"""Times that only go on, also where a recording's clock is set back."""

from __future__ import annotations

from fractions import Fraction

_SET_BACK_S = Fraction(1, 2)


class Onward:
    """The times of one stream. Where they fall back by more than half a second, as at the seam of two joined recordings, they go on.

    `shift_s`: what is added now. Smaller steps back, and times that repeat, stay as they are.
    """

    def __init__(self) -> None:
        self.shift_s = self._end_s = Fraction(0)
        self._last_s: Fraction | None = None

    def of(self, time_s: Fraction, length_s: Fraction) -> Fraction:
        """The next time, of what lasts for `length_s` seconds."""
        if self._last_s is not None and time_s + self.shift_s + _SET_BACK_S < self._last_s:
            self.shift_s = self._end_s - time_s
        self._last_s = time_s + self.shift_s
        self._end_s = self._last_s + length_s
        return self._last_s
