"""What a model's answers cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Cost:
    """Size and speed of a model, measured there and then. None stands for what could not be told.

    `size_bytes`: the file. `parameters`: weights. `macs`: multiply–accumulates for one face. `latency_ms`: median time for one face by
    itself, in milliseconds, and `latency_spread`: its quartiles (25 %, 75 %), in milliseconds. `faces_per_s`: throughput in batches.
    `threads`: of the runtime; None for its own choice. `hardware`: the processor it ran on. `unit`: what all that is of, a "face", or a
    "sequence" of pictures of one.
    """

    size_bytes: int | None = None
    parameters: int | None = None
    macs: int | None = None
    latency_ms: float | None = None
    latency_spread: tuple[float, float] | None = None
    faces_per_s: float | None = None
    threads: int | None = None
    hardware: str = ""
    unit: str = "face"

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain JSON values."""
        spread = None if self.latency_spread is None else list(self.latency_spread)
        return asdict(self) | {"latency_spread": spread}
