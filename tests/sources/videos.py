"""Real video files, written by the tests."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from mien.core.types import RGB

TICKS = 1000
STEADY = tuple(i / 25 for i in range(50))


def level(number: int) -> int:
    """The gray that tells frame `number` from its neighbours."""
    return 20 + 40 * (number % 6)


def write_video(
    path: Path,
    times_s: Sequence[float] = STEADY,
    *,
    size: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    pix_fmt: str = "",
    picture: RGB | None = None,
    pictures: Sequence[RGB] | None = None,
    noisy: bool = False,
    sound_s: float = 0,
    turn: int = 0,
    matrix: Sequence[int] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a video with a picture at each of these times: its own of `pictures`, `picture`, or plain gray of `level(number)`.

    `noisy`: pictures of noise, which make a large file.

    `turn`: degrees, counter-clockwise, by which it is to be shown turned; `matrix`: the same as a whole display matrix.
    """
    width, height = size
    random = np.random.default_rng(0)
    with av.open(str(path), "w", options=options or {}) as container:
        # Pictures out of order, as cameras and phones write them, except where the container can't hold their times.
        reordered = {"preset": "ultrafast", "bf": "2"} if codec == "libx264" else {}
        stream = container.add_stream(codec, rate=25, options={"g": "10", "threads": "1", **reordered})
        stream.width, stream.height = width, height
        stream.pix_fmt = pix_fmt or ("yuv444p" if codec == "libx264" and (width % 2 or height % 2) else "yuv420p")
        stream.codec_context.time_base = Fraction(1, TICKS)
        if turn:
            stream.set_display_rotation(turn)
        if matrix is not None:
            stream.set_display_matrix(matrix)
        sound: Any = container.add_stream("aac", rate=16_000) if sound_s else None
        container.start_encoding()
        for number, time_s in enumerate(times_s):
            image = np.full((height, width, 3), level(number), np.uint8) if picture is None else picture
            if pictures is not None:
                image = pictures[number]
            if noisy:
                image = random.integers(0, 256, image.shape, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = round(TICKS * time_s), Fraction(1, TICKS)
            container.mux(stream.encode(frame))
            if sound is not None:
                _silence(container, sound, number, times_s, sound_s)
        if sound is not None:
            if not times_s:
                _silence(container, sound, 0, [0], sound_s)
            container.mux(sound.encode(None))
        container.mux(stream.encode(None))
    return path


def write_sound(path: Path) -> Path:
    """A file with a second of silence and no pictures."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16_000)
        _silence(container, stream, 0, [0], 1)
        container.mux(stream.encode(None))
    return path


def write_sizes(path: Path, sizes: Sequence[tuple[int, int]], codec: str, pix_fmt: str = "yuv420p", picture: RGB | None = None) -> Path:
    """A video of 10 pictures of each of these sizes, gray or `picture` made to fit, 25 a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = *sizes[0], pix_fmt
        container.start_encoding()
        for part, (width, height) in enumerate(sizes):
            encoder: Any = av.CodecContext.create(codec, "w")
            encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, pix_fmt, Fraction(1, 25)
            for number in range(10 * part, 10 * part + 10):
                image = np.full((height, width, 3), level(number), np.uint8)
                frame = av.VideoFrame.from_ndarray(image if picture is None else cv2.resize(picture, (width, height)), format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, 25)
                _mux(container, stream, encoder.encode(frame))
            _mux(container, stream, encoder.encode(None))
    return path


def retimed(source: Path, target: Path, pts: Sequence[int]) -> Path:
    """The same pictures, of which none is shown out of order, at these times in the container's units."""
    with av.open(str(source)) as read, av.open(str(target), "w") as container:
        stream = container.add_stream_from_template(read.streams.video[0])
        packets = [packet for packet in read.demux(video=0) if packet.size]
        for packet, at in zip(packets, pts, strict=True):
            packet.pts = packet.dts = at
            _mux(container, stream, [packet])
    return target


def _mux(container: Any, stream: Any, packets: Sequence[Any]) -> None:
    for packet in packets:
        packet.stream = stream
        container.mux_one(packet)


def cut(path: Path, share: float) -> Path:
    """Leave that share of the file's bytes."""
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    return path


def _silence(container: Any, stream: Any, number: int, times_s: Sequence[float], sound_s: float) -> None:
    """The sound between this frame and the next; after the last, all that is left."""
    last = number + 1 == len(times_s)
    begin = 16 * round(TICKS * times_s[number]) if number else 0
    end = round(16_000 * sound_s) if last else 16 * round(TICKS * times_s[number + 1])
    for start in range(begin, end, 16_000):
        samples = min(16_000, end - start)
        frame = av.AudioFrame(format="fltp", layout="mono", samples=samples)
        frame.sample_rate, frame.pts, frame.time_base = 16_000, start, Fraction(1, 16_000)
        frame.planes[0].update(np.zeros(samples, np.float32).tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
        container.mux(stream.encode(frame))
