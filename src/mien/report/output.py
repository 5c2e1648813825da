"""A file under way: whole at its target in the end, or not there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import ClassVar, TypeVar

from mien.core.errors import OutputError
from mien.core.files import replacing

Self = TypeVar("Self", bound="Output")


class _Discarded(Exception):
    """Ends the writing of a file that is not wanted any more."""


class Output:
    """Base of the writers. Making one opens a temporary file beside `path`; `close(True)` renames it, `close(False)` removes it.

    As a context manager it closes with whether the block succeeded. Closing twice does nothing the second time.

    Raises
    ------
    OutputError
        At once, when the file can't be made there; later, when a write fails (a full disk).
    """

    failures: ClassVar[tuple[type[Exception], ...]] = (OSError,)

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._closed = False
        with contextlib.ExitStack() as stack:
            self._temporary = stack.enter_context(replacing(path))
            with self._writing():
                self._open(stack)
            self._stack = stack.pop_all()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close(kind is None)

    def close(self, ok: bool) -> None:
        """Finish the file and put it in its place (`ok`), or throw it away."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(_Discarded), self._stack:
            if not ok:
                raise _Discarded
            with self._writing():
                self._finish()

    def _open(self, stack: contextlib.ExitStack) -> None:
        """Open what writes to `self._temporary`; `stack` closes it before the rename."""

    def _finish(self) -> None:
        """Write what is still owed."""

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except self.failures as error:
            raise OutputError(
                f"Can't write {self.path}: {getattr(error, 'strerror', None) or error}. "
                "Give a path with room that you may write; nothing was left behind."
            ) from error
