"""Still pictures: a file, encoded bytes or an array, each one frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from mien.core.decode import as_rgb, decode_image, from_pillow
from mien.core.types import Frame, SourceInfo


class ImageSource:
    """One picture as a source of one frame, without a time. The same picture gives the same frame from a path, bytes or an array.

    Parameters
    ----------
    picture
        A path, encoded bytes, an array as `mien.core.decode.as_rgb` takes it, or an image of Pillow.
    name
        What the source is called; by default the path, "bytes", "array" or "image".
    bgr
        The array's colours come as BGR. Files and bytes say themselves what their colours are.
    """

    kind = "image"
    expected_frames = 1

    def __init__(self, picture: str | Path | bytes | NDArray[Any] | Image, name: str | None = None, *, bgr: bool = False) -> None:
        self._picture, self._bgr = picture, bgr
        kinds = {np.ndarray: "array", Image: "image", bytes: "bytes"}
        default = next((word for kind, word in kinds.items() if isinstance(picture, kind)), str(picture))
        self.name = default if name is None else name
        self.info = SourceInfo(self.name, self.kind)
        self._frame: Frame | None = None

    def __enter__(self) -> ImageSource:
        picture = self._picture
        if isinstance(picture, np.ndarray):
            image = as_rgb(picture, bgr=self._bgr)
        else:
            image = from_pillow(picture) if isinstance(picture, Image) else decode_image(picture)
        self._frame = Frame(image, source=self.name)
        self.info = SourceInfo(self.name, self.kind, self._frame.width, self._frame.height)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._frame = None

    def __iter__(self) -> Iterator[Frame]:
        if self._frame is not None:
            yield self._frame
