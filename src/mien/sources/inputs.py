"""From whatever a person gives to sources: paths, folders, patterns, bytes, arrays, cameras, and lists of these."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.suffixes import PICTURE_SUFFIXES
from mien.sources.base import Source, Unusable
from mien.sources.formats import PREFIX_BYTES, VIDEO_SUFFIXES, kind_of_content, kind_of_file, kind_of_suffix
from mien.sources.sampling import Sampling

_USABLE = ", ".join((*PICTURE_SUFFIXES, *VIDEO_SUFFIXES))
_FORMS = 'a path, a folder, a pattern such as "photos/*.jpg", "camera:0", encoded bytes, a numpy array, or an image of Pillow'
_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_WILD = frozenset("*?[")


def resolve(
    inputs: Any,
    *,
    bgr: bool = False,
    every: int = 1,
    fps: float | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
) -> Iterator[Source]:
    """The sources of one or many inputs, in their order; folders and patterns are walked as the iterator goes.

    Parameters
    ----------
    inputs
        A path to a picture or a video (told by content first, then by suffix); a folder (with all below it, sorted); a pattern
        such as "photos/**/*.jpg"; "camera:0"; encoded bytes of a picture or a video; an array (H, W[, C]) or a batch (N, H, W, 3) as
        `mien.core.decode.as_rgb` takes them; an image of Pillow; or a list, tuple or iterator of any of these.
    bgr
        Arrays have their colours as BGR.
    every, fps, start_s, end_s
        Which frames of videos and cameras are taken; see `mien.sources.sampling.Sampling`.

    What can't be a source – a missing file, an empty folder, a web address, a number – becomes one whose opening raises InputError, so
    that a batch goes on.

    Raises
    ------
    OptionError
        `every`, `fps`, `start_s` or `end_s` that make no sense.
    """
    return _Resolver(bgr, Sampling(every, fps, start_s, end_s)).sources(inputs)


class _Resolver:
    def __init__(self, bgr: bool, sampling: Sampling) -> None:
        self._bgr, self._sampling = bgr, asdict(sampling)

    def sources(self, given: Any, place: str = "") -> Iterator[Source]:
        """`place` is where `given` lies in the lists around it, such as "[2]"; it tells arrays and bytes apart."""
        if isinstance(given, (str, Path)):
            yield from self._named(given)
        elif isinstance(given, (bytes, bytearray, memoryview)):
            yield self._encoded(bytes(given), f"bytes{place}")
        elif (pillow := sys.modules.get("PIL.Image")) and isinstance(given, pillow.Image):  # loaded by whoever gives one
            from mien.sources.images import ImageSource

            yield ImageSource(given, f"image{place}")
        elif isinstance(given, np.ndarray):
            yield from self._arrays(given, f"array{place}")
        elif isinstance(given, (list, tuple, Iterator)):
            for position, item in enumerate(given):
                yield from self.sources(item, f"{place}[{position}]")
        else:
            yield Unusable(
                f"input{place}", f"Received a value of type {type(given).__name__}, which is no input. Give {_FORMS}, or a list of these."
            )

    def _arrays(self, array: NDArray[Any], name: str) -> Iterator[Source]:
        from mien.sources.images import ImageSource

        if array.ndim != 4:
            yield ImageSource(array, name, bgr=self._bgr)
            return
        for number, picture in enumerate(array):
            yield ImageSource(picture, f"{name}[{number}]", bgr=self._bgr)

    def _encoded(self, data: bytes, name: str) -> Source:
        return self._source(data, kind_of_content(data[:PREFIX_BYTES]), name)

    def _named(self, given: str | Path) -> Iterator[Source]:
        text = str(given)
        if not text.strip():
            yield Unusable(text, f"Received an empty name, which is no input. Give {_FORMS}.")
        elif isinstance(given, str) and _URL.match(given):
            yield Unusable(text, f"{text} is an address, and mien downloads nothing. Save the file and give its path.")
        elif isinstance(given, str) and given.startswith("camera:"):
            yield self._camera(given)
        else:
            yield from self._path(Path(given), text)

    def _camera(self, name: str) -> Source:
        from mien.sources.camera import CameraSource

        number = name.removeprefix("camera:")
        if not (number.isascii() and number.isdigit()):
            return Unusable(name, f"{name!r} names no camera. Give camera: and its number; camera:0 is the first.")
        return CameraSource(int(number), **self._sampling)

    def _path(self, path: Path, text: str) -> Iterator[Source]:
        if _is_folder(path):
            yield from self._files(_walk(path), text, f"The folder {text} holds")
        elif _WILD.isdisjoint(text) or os.path.lexists(path):
            yield self._source(path, kind_of_file(path), text)
        else:
            yield from self._files(_matches(text), text, f"The pattern {text} matches")

    def _files(self, paths: Iterable[Path], text: str, where: str) -> Iterator[Source]:
        usable = False
        for path in paths:
            usable = True
            yield self._source(path, kind_of_file(path), str(path))
        if not usable:
            yield Unusable(text, f"{where} no picture and no video. Looked for {_USABLE}. Check the path.")

    def _source(self, data: Path | bytes, kind: str | None, name: str) -> Source:
        if kind == "video":
            from mien.sources.video import VideoSource

            return VideoSource(data, name=name, **self._sampling)
        from mien.sources.images import ImageSource

        return ImageSource(data, name)


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112  # Path.is_dir raises for a name that is too long or in a folder that is closed


def _walk(folder: Path) -> Iterator[Path]:
    """The usable files of a folder and all below it, by suffix, or by content where they have none, sorted; hidden ones are left out."""
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = (Path(root, name) for name in sorted(files) if not name.startswith("."))
        yield from (path for path in paths if kind_of_suffix(path) or (not path.suffix and kind_of_file(path)))


def _matches(pattern: str) -> Iterator[Path]:
    """The usable files that a pattern matches, sorted; of a folder that it matches, those below it."""
    for path in map(Path, sorted(glob.glob(pattern, recursive=True))):  # noqa: PTH207  # patterns may be absolute
        if _is_folder(path):
            # With "**", what lies below is matched by itself.
            if "**" not in pattern:
                yield from _walk(path)
        elif kind_of_file(path):
            yield path
