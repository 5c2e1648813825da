"""Still pictures: a file, encoded bytes or an array, each one frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.decode import as_rgb, decode_image
from mien.core.types import Frame, SourceInfo


class ImageSource:
    """One picture as a source of one frame, without a time. The same picture gives the same frame from a path, bytes or an array.

    Parameters
    ----------
    picture
        A path, encoded bytes, or an array as `mien.core.decode.as_rgb` takes it.
    name
        What the source is called; by default the path, "bytes" or "array".
    bgr
        The array's colours come as BGR. Files and bytes say themselves what their colours are.
    """

    kind = "image"
    expected_frames = 1

    def __init__(self, picture: str | Path | bytes | NDArray[Any], name: str | None = None, *, bgr: bool = False) -> None:
        self._picture, self._bgr = picture, bgr
        default = "array" if isinstance(picture, np.ndarray) else str(picture) if isinstance(picture, (str, Path)) else "bytes"
        self.name = default if name is None else name
        self.info = SourceInfo(self.name, self.kind)
        self._frame: Frame | None = None

    def __enter__(self) -> ImageSource:
        picture = self._picture
        image = as_rgb(picture, bgr=self._bgr) if isinstance(picture, np.ndarray) else decode_image(picture)
        self._frame = Frame(image, source=self.name)
        self.info = SourceInfo(self.name, self.kind, self._frame.width, self._frame.height)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._frame = None

    def __iter__(self) -> Iterator[Frame]:
        if self._frame is not None:
            yield self._frame
