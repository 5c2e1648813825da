"""What every source of frames has in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import NoReturn, Protocol, runtime_checkable

from mien.core.errors import InputError
from mien.core.types import RGB, Frame, SourceInfo


class Source(Protocol):
    """Where frames come from. Entering opens it, iterating gives its frames once, in their order; leaving closes it.

    Entering raises InputError (DecodeError, PixelLimitError) for what can't be read. Iterating may raise DecodeError where a source breaks
    off, after its good frames were given. Opening again starts over, except for a camera.
    """

    @property
    def name(self) -> str:
        """The path as given, or what the source is: "array", "array[2]", "bytes", "camera:0"."""

    @property
    def kind(self) -> str:
        """One of "image", "video" and "camera"."""

    @property
    def info(self) -> SourceInfo:
        """Name, kind and size in pixels, once open."""

    @property
    def expected_frames(self) -> int | None:
        """About how many frames will be given, for progress; None where nobody knows. Once open."""

    def __enter__(self) -> Source:
        """Open it."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close it."""

    def __iter__(self) -> Iterator[Frame]:
        """The frames."""


@runtime_checkable
class Seekable(Protocol):
    """A source that can be taken up in its middle."""

    def after(self, index: int, time_s: float, same: Callable[[RGB], bool]) -> Iterator[Frame]:
        """The frames that iterating gives after the one of that index and time, of whose picture `same` is true. Once open."""


class Unusable:
    """A source that can't be one. Opening it raises the reason, so that the others of a batch are still finished."""

    kind = "image"
    expected_frames = None

    def __init__(self, name: str, reason: str) -> None:
        self.name, self._reason = name, reason
        self.info = SourceInfo(name, self.kind)

    def __enter__(self) -> NoReturn:
        raise InputError(self._reason)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing to close."""

    def __iter__(self) -> NoReturn:
        raise InputError(self._reason)
