"""Pictures into a video file that keeps the times and the sound of the one they were made from."""

from __future__ import annotations

import contextlib
import math
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
import numpy as np
from av.codec.context import Flags

from mien.core.suffixes import known_suffix
from mien.core.types import RGB
from mien.report.output import Output
from mien.report.sound import Sound

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

SUFFIXES = (".mp4", ".m4v", ".mov")
MARK = "drawn by mien"
"""In the metadata of every drawn picture and video: tells them from what people put beside them."""
# Encoder → ticks a second (MPEG-4 part 2 allows at most 65,535) and options; the first that this build of FFmpeg has is used.
CODECS = {"libx264": (90_000, {"preset": "veryfast", "crf": "20"}), "mpeg4": (60_000, {"qscale": "3"})}
BT709, LIMITED = 1, 1


class AnnotatedVideo(Output):
    """A video being written: `write` for each picture, then `close`; a `with` block does the latter.

    H.264 (MPEG-4 part 2 where this build of FFmpeg has no x264), yuv420p, BT.709. Each picture is shown from its own time until the next
    one's, so a variable frame rate and sampled frames keep their pace. The sound of `source_path` (None: silent) is carried over in step.
    `start_s` and `end_s`: the part of the source that was read, when not all of it; the file then begins at `start_s`. Where no picture was
    written, no file is left.

    Raises
    ------
    UnknownNameError
        A suffix other than .mp4, .m4v or .mov.
    OutputError
        The file can't be made there, or a write fails.
    """

    failures = (OSError, av.FFmpegError)

    def __init__(
        self, path_out: str | Path, source_path: str | Path | None = None, *, start_s: float | None = None, end_s: float | None = None
    ) -> None:
        known_suffix(path_out, SUFFIXES, "video suffix")
        self.frames = 0
        self._source = None if source_path is None else Path(source_path)
        self._start_s, self._end_s = start_s or 0.0, math.inf if end_s is None else end_s
        self._sound: Sound | None = None
        self._last = self._step = 0
        super().__init__(path_out)

    def write(self, image: RGB, time_s: float) -> None:
        """Add a picture, uint8 (H, W, 3) RGB, shown from `time_s` on, in seconds since the source's first picture.

        All take the size of the first; an odd width or height gains a pixel.
        """
        with self._writing():
            if not self.frames:
                self._begin(image)
            tick = round((time_s - self._start_s) * self._clock)
            if self.frames:
                tick = max(tick, self._last + 1)
                self._step = tick - self._last
            if self._sound:
                self._sound.until(tick / self._clock)
            self._container.mux(self._stream.encode(self._frame(image, tick)))
            self._last = tick
            self.frames += 1

    def close(self, ok: bool) -> None:
        """Finish the file and put it in its place (`ok`), or throw it away."""
        super().close(ok and self.frames > 0)

    def _open(self, stack: contextlib.ExitStack) -> None:
        self._reading = stack.enter_context(contextlib.ExitStack())
        self._container: OutputContainer = stack.enter_context(av.open(str(self._temporary), "w", options={"movflags": "+faststart"}))
        self._container.metadata["comment"] = MARK

    def _finish(self) -> None:
        self._container.mux(self._stream.encode(None))
        if self._sound:
            self._sound.until(math.inf)

    def _begin(self, image: RGB) -> None:
        self._clock, self._stream = _video_stream(self._container, image.shape[1] + image.shape[1] % 2, image.shape[0] + image.shape[0] % 2)
        if self._source is not None:
            self._sound = Sound(self._source, self._container, self._start_s, self._end_s, self._reading)

    def _frame(self, image: RGB, tick: int) -> av.VideoFrame:
        odd = [(0, image.shape[0] % 2), (0, image.shape[1] % 2), (0, 0)]
        even = np.pad(image, odd, mode="edge") if odd[0][1] or odd[1][1] else np.ascontiguousarray(image)
        frame = av.VideoFrame.from_ndarray(even, format="rgb24").reformat(
            self._stream.width, self._stream.height, "yuv420p", dst_colorspace="itu709", dst_color_range=LIMITED
        )
        frame.pts, frame.time_base, frame.duration = tick, Fraction(1, self._clock), self._step
        return frame


def _video_stream(container: OutputContainer, width: int, height: int) -> tuple[int, VideoStream]:
    """Ticks a second, and a stream that is encoded so."""
    name = next(name for name in CODECS if name in av.codecs_available)
    clock, options = CODECS[name]
    stream = cast("VideoStream", container.add_stream(name, rate=30, options=options))
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    context.time_base = Fraction(1, clock)
    context.max_b_frames = 0  # reordered pictures of uneven length make the muxer write a duration that cuts the end off
    context.flags |= Flags.frame_duration
    context.colorspace, context.color_primaries, context.color_trc, context.color_range = BT709, BT709, BT709, LIMITED
    return clock, stream
