"""Moments that are worth a picture."""

from __future__ import annotations

from dataclasses import dataclass

CLEARER = 0.01
"""A moment takes the place of another only if it is surer by so much: else a slowly rising score would cost a picture a frame."""


@dataclass(frozen=True)
class Shot:
    """A moment worth a picture: when, how sure, the JPEG, and what was shown."""

    time_s: float
    confidence: float
    data: bytes
    label: str = ""
