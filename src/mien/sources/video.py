"""Video files: frames with their true times, upright, sampled, in bounded memory."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, cast

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from mien.core.errors import DecodeError, InputError
from mien.core.types import RGB, Frame, SourceInfo
from mien.sources.reader import Picture, VideoReader
from mien.sources.sampling import Sampling

if TYPE_CHECKING:
    from av.sidedata.sidedata import SideData


class VideoSource:
    """A video file as a source of frames.

    `time_s` is a frame's presentation time since the first frame's, as the file has it, also at a variable rate; `index` is its true place
    in the file, whatever was sampled. Where the file's clock is set back, as at the seam of joined recordings, times go on. `info` has the
    size of the first frame; later ones may have another. The turn that a phone notes in the file is applied, so that people stand upright.
    Only the frames that are taken are converted to RGB.

    Parameters
    ----------
    video
        A path, or the bytes of a file.
    every, fps, start_s, end_s
        Which frames are taken; see `mien.sources.sampling.Sampling`.
    name
        What the source is called; by default the path, or "bytes".

    Raises
    ------
    OptionError
        On construction: a sampling that makes no sense.
    InputError
        On entering: the file is missing, a folder, or may not be read. While iterating:
        no frame lies between `start_s` and `end_s`.
    DecodeError
        On entering: no video, no video stream, or no frame that can be decoded. While iterating, after all good frames: the file is
        damaged, or cut short (as far as its format can tell; an MPEG transport stream has no header that promises a length).
    """

    kind = "video"

    def __init__(
        self,
        video: str | Path | bytes,
        *,
        every: int = 1,
        fps: float | None = None,
        start_s: float | None = None,
        end_s: float | None = None,
        name: str | None = None,
    ) -> None:
        self.name = name if name is not None else "bytes" if isinstance(video, bytes) else str(video)
        self.info = SourceInfo(self.name, self.kind)
        self.expected_frames: int | None = None
        self.frame_rate: Fraction | None = None
        self.duration_s: float | None = None
        self.has_audio = False
        self.width = self.height = 0
        self._video, self._sampling = video, Sampling(every, fps, start_s, end_s)
        self._reader: VideoReader | None = None
        self._pictures: Iterator[Picture] = iter(())
        self._whole = False
        self._turn = (1, 0, 0, 1)
        self._to_rgb = VideoReformatter()

    def __enter__(self) -> VideoSource:
        reader = self._reader = VideoReader(self._video, self.name)
        try:
            self._begin(reader)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        none_taken = True
        for frame in self._frames(self._sampling.pick(self._pictures)):
            none_taken = False
            yield frame
        if none_taken and self._reader is not None:
            raise InputError(f"{self.name} has no frame {self._sampling.span}. Give a span of time that lies within the video.")

    def after(self, index: int, time_s: float, same: Callable[[RGB], bool]) -> Iterator[Frame]:
        """The frames that iterating gives after the one of that index, which it gives at `time_s` and of whose picture `same` is true.

        They are reached by a seek to a key frame before it where that leads to the same frame. Else all before it are decoded again.
        """
        return self._frames(self._sought(index, time_s, same) or self._searched(index))

    def _frames(self, pictures: Iterator[Picture]) -> Iterator[Frame]:
        for picture in pictures:
            damaged = self._reader is not None and self._reader.damaged
            yield Frame(self._image(picture.frame), picture.index, float(picture.time_s), self.name, damaged)
        fault = self._reader.fault() if self._reader is not None and self._whole else None
        if fault is not None:
            raise DecodeError(fault)

    def _sought(self, index: int, time_s: float, same: Callable[[RGB], bool]) -> Iterator[Picture] | None:
        reader = self._reopened()
        pictures = self._to_the_end(reader.pictures(time_s))
        last = next((picture for picture in pictures if picture.index >= index), None)
        if last is None or (last.index, float(last.time_s)) != (index, time_s) or reader.damaged or not same(self._image(last.frame)):
            return None
        return islice(self._sampling.pick(chain([last], pictures)), 1, None)

    def _searched(self, index: int) -> Iterator[Picture]:
        pictures = self._to_the_end(self._reopened().pictures(self._sampling.start_s or 0))
        return (picture for picture in self._sampling.pick(pictures) if picture.index > index)

    def _reopened(self) -> VideoReader:
        self.close()
        self._reader, self._whole = VideoReader(self._video, self.name), False
        return self._reader

    def close(self) -> None:
        """Close the file. Leaving a `with` block does it."""
        if self._reader is not None:
            self._reader.close()
        self._reader, self._pictures = None, iter(())

    def _begin(self, reader: VideoReader) -> None:
        pictures = reader.pictures(self._sampling.start_s or 0)
        first = next(pictures, None)
        if first is None:
            raise DecodeError(f"{self.name} holds no frame that can be decoded: it is empty, damaged or cut short. Get the file again.")
        self._whole, self._pictures = False, chain([first], self._to_the_end(pictures))
        self.width, self.height = first.frame.width, first.frame.height
        # Read once: it is the file's, and a frame whose side data were looked at stays in memory until the next garbage collection.
        self._turn = _turn(first.frame)
        if any(self._turn[1:3]):
            self.width, self.height = self.height, self.width
        self.info = SourceInfo(self.name, self.kind, self.width, self.height)
        self.frame_rate, self.duration_s = reader.rate, reader.duration_s
        self.has_audio = len(reader.container.streams.audio) > 0
        count = reader.frame_count
        self.expected_frames = None if count is None else self._sampling.expected(count, self.duration_s)

    def _to_the_end(self, pictures: Iterator[Picture]) -> Iterator[Picture]:
        yield from pictures
        self._whole = True

    def _image(self, frame: av.VideoFrame) -> RGB:
        # One thread: the others have frames to decode, and handing a picture out in slices costs more than it saves.
        rgb = self._to_rgb.reformat(frame, format="rgb24", threads=1).to_ndarray()
        return _upright(np.asarray(rgb, np.uint8), self._turn)


def _turn(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """a, b, c, d of the display matrix (ISO/IEC 14496-12 §6.2.2), taken to the nearest quarter turn: x, y is shown at ax + cy, bx + dy."""
    matrix = cast("Mapping[str, SideData]", frame.side_data).get("DISPLAYMATRIX")
    if matrix is None:
        return 1, 0, 0, 1
    a, b, _, c, d = struct.unpack_from("=5i", bytes(matrix))
    return (a, 0, 0, d) if abs(a) + abs(d) >= abs(b) + abs(c) else (0, b, c, 0)


def _upright(image: RGB, turn: tuple[int, int, int, int]) -> RGB:
    a, b, c, d = turn
    shown = image.swapaxes(0, 1) if b or c else image
    return np.ascontiguousarray(shown[:: -1 if min(b, d) < 0 else 1, :: -1 if min(a, c) < 0 else 1])
