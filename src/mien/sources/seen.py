"""What was read of a video so far: it tells at the end whether something is missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av


@dataclass
class Seen:
    """Times in seconds: where the packets of all streams end, the longest step between two pictures, how far they reach, and what was lost.

    `last_dts`: the last time of decoding among the pictures' packets, in their unit.
    """

    last_dts: int = -(2**63)
    end_s: Fraction = Fraction(0)
    gap_s: Fraction = Fraction(0)
    reached_s: Fraction = Fraction(0)
    lost_at_s: list[Fraction] = field(default_factory=list)
    any_good: bool = False

    def packet(self, packet: av.Packet[Any], ours: bool) -> None:
        """A whole packet was read; `ours`: of the pictures."""
        if packet.pts is not None and packet.time_base is not None:
            self.end_s = max(self.end_s, (packet.pts + (packet.duration or 0)) * packet.time_base)
        if packet.dts is not None and ours:
            self.last_dts = max(self.last_dts, packet.dts)

    def lose(self) -> bool:
        """A picture could not be decoded; gives whether that counts."""
        # A recording may begin between two key frames: what can't be decoded before the first good frame is no damage.
        if self.any_good:
            self.lost_at_s.append(self.reached_s)
        return self.any_good
