"""Seeded results, and videos with known times and sound."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from mien.core.labels import FER8, LabelSet
from mien.core.types import RGB, Face, FaceResult, FrameResult, ModelIdentity, Prediction, SourceInfo, SourceResult

MODEL = ModelIdentity("miennet", "ab" * 32, FER8)
MARKS = np.array([[20, 30], [40, 30], [30, 40], [22, 50], [38, 50]], np.float32) + 0.25


def scores(seed: int, labels: LabelSet = FER8, label: str | None = None, share: float = 0.9) -> NDArray[np.float32]:
    weights = np.random.default_rng(seed).random(len(labels)) + 0.01
    if label is not None:
        weights[labels.index(label)] = 0
        weights *= (1 - share) / weights.sum()
        weights[labels.index(label)] = share
    return (weights / weights.sum()).astype(np.float32)


def face(
    box: tuple[float, float, float, float] = (10, 20, 50, 64.5),
    seed: int = 0,
    *,
    track: int | None = None,
    labels: LabelSet = FER8,
    label: str | None = None,
    share: float = 0.9,
    abstained: bool = False,
    marks: NDArray[np.float32] | None = MARKS,
) -> FaceResult:
    found = Face(box, 0.987654321, marks)
    return FaceResult(found, Prediction(scores(seed, labels, label, share), labels, abstained), track)


def still(name: str = "a.jpg", faces: Sequence[FaceResult] = (), error: str | None = None) -> SourceResult:
    return SourceResult(SourceInfo(name, "image", 64, 80), (FrameResult(0, None, tuple(faces)),), error)


def clip(name: str = "b.mp4", frames: int = 5, error: str | None = None) -> SourceResult:
    """A video whose odd frames have two tracked faces and whose even frames have none, at 30000/1001 frames a second."""
    found = [(face(seed=i, track=1), face((60, 20, 90, 60), seed=i + 100, track=2, marks=None)) if i % 2 else () for i in range(frames)]
    return SourceResult(SourceInfo(name, "video", 640, 480), tuple(FrameResult(i, i * 1001 / 30000, f) for i, f in enumerate(found)), error)


def missing(name: str = "c.png") -> SourceResult:
    return SourceResult(SourceInfo(name, "image"), (), f"There is no file {name}.")


def sources() -> tuple[SourceResult, ...]:
    """Every kind of source: faces, none, a video, one cut short, one that could not be read."""
    return (
        still("a, “b”\n.jpg", [face(), face((1, 2, 3, 4), 7, marks=None, abstained=True)]),
        still("none.png"),
        clip(),
        clip("cut.mp4", 3, "cut.mp4 is cut short."),
        missing(),
    )


def click_at(second: float, seconds: float, rate: int) -> NDArray[np.int16]:
    """Silence with a loud click of 10 ms: int16 (samples,)."""
    sound = np.zeros(int(seconds * rate), np.int16)
    start = int(second * rate)
    sound[start : start + rate // 100] = 20000 * np.sign(np.sin(np.arange(rate // 100) / rate * 2 * np.pi * 1000))
    return sound


def write_video(
    path: Path,
    times: Sequence[float],
    *,
    sound: NDArray[np.int16] | None = None,
    codec: str = "aac",
    rate: int = 44100,
    size: tuple[int, int] = (64, 48),
) -> Path:
    """A video of gray pictures at `times` (for .avi: 25 a second), with `sound` in mono."""
    avi = path.suffix == ".avi"
    unit = Fraction(1, 25 if avi else 90_000)
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4" if avi else "libx264", rate=25)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        video.codec_context.time_base = unit
        voice = container.add_stream(codec, rate=rate, layout="mono") if sound is not None else None
        for number, time_s in enumerate(times):
            picture = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), 40 + number % 8 * 20, np.uint8), format="rgb24")
            picture.pts, picture.time_base = round(time_s / unit), unit
            container.mux(video.encode(picture.reformat(format="yuv420p")))
        container.mux(video.encode(None))
        for start in range(0, 0 if sound is None else len(sound), 1024):
            piece = av.AudioFrame.from_ndarray(sound[None, start : start + 1024], format="s16", layout="mono")
            piece.sample_rate, piece.pts, piece.time_base = rate, start, Fraction(1, rate)
            container.mux(voice.encode(piece))
        if voice is not None:
            container.mux(voice.encode(None))
    return path


def picture_times(path: Path) -> list[float]:
    """Seconds of every picture."""
    with av.open(str(path)) as container:
        return [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]


def sound_of(path: Path) -> tuple[NDArray[np.float64], float]:
    """Loudness by millisecond from the file's time 0, and the seconds where the sound ends; nothing and 0 where there is none."""
    loud: dict[int, float] = {}
    end = 0.0
    with av.open(str(path)) as container:
        for piece in container.decode(audio=0) if container.streams.audio else ():
            wave = np.abs(piece.to_ndarray().astype(np.float64)).reshape(-1)[: piece.samples]
            for offset in range(0, piece.samples, max(piece.sample_rate // 1000, 1)):
                at = int((piece.time + offset / piece.sample_rate) * 1000)
                loud[at] = max(loud.get(at, 0), float(wave[offset]))
            end = piece.time + piece.samples / piece.sample_rate
    return np.array([loud.get(i, 0) for i in range(max(loud, default=-1) + 1)]), end


def click_of(path: Path) -> float:
    """Where the click of `click_at` begins, in seconds."""
    loudness, _ = sound_of(path)
    return int(np.argmax(loudness > loudness.max() / 2)) / 1000


def gray(height: int = 120, width: int = 160, level: int = 128) -> RGB:
    return np.full((height, width, 3), level, np.uint8)
