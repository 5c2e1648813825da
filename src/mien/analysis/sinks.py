"""Sinks of a run that stay in Python: one that collects, one that calls back."""

from __future__ import annotations

from collections.abc import Callable

from mien.core.types import RGB, FrameResult, SourceInfo, SourceResult


class Collect:
    """Keeps every result (not the pictures) in `sources`, one `SourceResult` for each finished source."""

    def __init__(self) -> None:
        self.sources: list[SourceResult] = []
        self._info = SourceInfo("", "image")
        self._frames: list[FrameResult] = []

    def begin(self, info: SourceInfo) -> None:
        """Start a source."""
        self._info, self._frames = info, []

    def frame(self, result: FrameResult, image: RGB) -> None:
        """Keep a result."""
        self._frames.append(result)

    def end(self, error: str | None) -> None:
        """Finish the source."""
        self.sources.append(SourceResult(self._info, tuple(self._frames), error))

    def close(self, ok: bool) -> None:
        """Nothing is open."""


class PerFrame:
    """Calls `function(result, image)` for every frame."""

    def __init__(self, function: Callable[[FrameResult, RGB], None]) -> None:
        self._function = function

    def begin(self, info: SourceInfo) -> None:
        """Nothing to start."""

    def frame(self, result: FrameResult, image: RGB) -> None:
        """Hand the frame on."""
        self._function(result, image)

    def end(self, error: str | None) -> None:
        """Nothing to finish."""

    def close(self, ok: bool) -> None:
        """Nothing is open."""
