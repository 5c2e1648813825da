"""Whole video clips with several drawn people who move, cross and are hidden, and the truth about every face in every frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError, OutputError, UnknownNameError
from mien.core.files import replacing
from mien.core.suffixes import known_suffix
from mien.core.types import RGB
from mien.datasets.avatars.actors import Actor, Board, Seen, actor, boards
from mien.datasets.avatars.backdrop import backdrop
from mien.datasets.avatars.people import cast

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".mp4", ".mov", ".mkv")
# Of x264 no part that looks ahead or weighs: with them two runs gave files of different bytes.
_CODECS = {
    "libx264": {"preset": "veryfast", "qp": "18", "bf": "0", "rc-lookahead": "0", "aq-mode": "0", "weightp": "none"},
    "mpeg4": {"qscale": "2"},
}
_TICKS = 30_000  # a second, where the rate varies
_NOISE = 1.5  # gray levels


@dataclass(frozen=True, eq=False)
class Clip:
    """A written clip and the truth about it.

    `times_s`: float64 (F,), when each frame is shown. `truth`: columns by name, a row for each face in each frame whose box touches the
    picture, frame by frame: frame, time_s, identity, x1, y1, x2, y2 (box_xyxy in pixels, forehead to chin, may reach over the border),
    expression (what is coming, full or going), phase, intensity (0–1), visible (the share of the face that nothing hides and the border
    does not cut, 0–1), yaw, pitch, roll (degrees).
    """

    path: Path
    times_s: NDArray[np.float64]
    truth: Mapping[str, NDArray[Any]]

    def to_df(self) -> pd.DataFrame:
        """The truth as a table."""
        import pandas as pd

        return pd.DataFrame(dict(self.truth))


def scene(
    path: str | Path,
    *,
    seed: int = 0,
    seconds: float = 6.0,
    rate: Fraction | int | str = 25,
    size: tuple[int, int] = (640, 360),
    faces: int = 3,
    occluders: int = 1,
    characters: int = 30,
) -> Clip:
    """Write a clip with sound-free H.264 (MPEG-4 part 2 where this build has no x264) and give its truth.

    `rate`: frames a second, such as 25 or Fraction(24000, 1001), or "variable": steps of 1/60 to 1/8 s. `size`: width and height, even.
    `faces`: how many people, 1 to 12; `occluders`: boards that pass in front of them, 0 to 8. `characters`: out of how many the people
    are chosen. The same seed gives the same pictures and the same truth.

    Raises
    ------
    OptionError
        An option outside its range.
    UnknownNameError
        A suffix other than .mp4, .mov or .mkv, or a rate by another name.
    OutputError
        The file can't be written.
    """
    target = Path(path)
    known_suffix(target, SUFFIXES, "video suffix")
    _check(seconds, size, faces, occluders, characters, seed)
    rng = np.random.default_rng((seed, 4))
    step, times_s = _times(rate, seconds, rng)
    people = cast(max(characters, faces), seed)
    chosen = rng.permutation(len(people))[:faces]
    actors = sorted((actor(people[i], place, faces, seconds, rng) for place, i in enumerate(chosen)), key=lambda one: one.unit)
    moving = boards(occluders, seconds, rng)
    wall = backdrop(size[1], size[0], rng)
    rows: list[Seen] = []
    with replacing(target) as temporary:
        _encode(temporary, target, _frames(wall, actors, moving, times_s, seed, rows), step, times_s, size)
    keys = Seen.__dataclass_fields__
    return Clip(target, times_s, {key: np.array([getattr(row, key) for row in rows]) for key in keys})


def _check(seconds: float, size: tuple[int, int], faces: int, occluders: int, characters: int, seed: int) -> None:
    width, height = size
    if width % 2 or height % 2 or not (64 <= width <= 4096 and 64 <= height <= 4096):
        raise OptionError(f"size is an even width and height from 64 to 4096; received {width}×{height}.")
    ranges = {"seconds": (seconds, 0.2, 3600), "faces": (faces, 1, 12), "occluders": (occluders, 0, 8), "seed": (seed, 0, 2**63)}
    ranges["characters"] = (characters, 1, 10_000)
    for name, (value, low, high) in ranges.items():
        if not low <= value <= high:
            raise OptionError(f"{name} lies between {low:g} and {high:g}; received {value!r}.")


def _times(rate: Fraction | int | str, seconds: float, rng: np.random.Generator) -> tuple[Fraction, NDArray[np.float64]]:
    """The time base of the file, and the time of each frame, a whole number of its ticks."""
    if isinstance(rate, str):
        if rate != "variable":
            raise UnknownNameError("rate", rate, ("variable",), hint="Or give a number of frames a second.")
        steps = np.round(_TICKS * rng.uniform(1 / 60, 1 / 8, int(60 * seconds) + 1))
        ticks = np.concatenate([[0.0], np.cumsum(steps)])
        return Fraction(1, _TICKS), ticks[ticks < seconds * _TICKS] / _TICKS
    exact = Fraction(rate)
    if not 1 <= exact <= 240:
        raise OptionError(f"rate lies between 1 and 240 frames a second, or is 'variable'; received {rate}.")
    count = max(2, int(seconds * exact))
    return 1 / exact, np.arange(count) * exact.denominator / exact.numerator


def _frames(
    wall: RGB, actors: list[Actor], moving: list[Board], times_s: NDArray[np.float64], seed: int, rows: list[Seen]
) -> Iterator[RGB]:
    """The pictures; what is seen in each is added to `rows`."""
    for number, time_s in enumerate(times_s.tolist()):
        image = wall.copy()
        painted = [one.paint(image, time_s) for one in actors]
        hidden = np.zeros(image.shape[:2], np.uint8)
        for board in moving:
            board.paint(image, hidden, time_s)
        seen = []
        for one, portrait in zip(reversed(actors), reversed(painted), strict=True):  # the nearest first: they hide those behind
            row = one.seen(portrait, hidden, number, time_s)
            seen += [row] if row else []
            np.maximum(hidden, portrait.cover, out=hidden)
        rows += reversed(seen)
        noise = np.random.default_rng((seed, 5, number)).standard_normal(image.shape, dtype=np.float32)
        yield np.clip(image + np.float32(_NOISE) * noise, 0, 255).astype(np.uint8)


def _encode(
    temporary: Path, target: Path, frames: Iterator[RGB], step: Fraction, times_s: NDArray[np.float64], size: tuple[int, int]
) -> None:
    import av

    unit = Fraction(1, step.denominator)
    try:
        with av.open(str(temporary), "w") as container:
            name = next(codec for codec in _CODECS if codec in av.codecs_available)
            options = {"threads": "1", **_CODECS[name]}
            stream: Any = container.add_stream(name, rate=30, options=options)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            stream.codec_context.time_base = unit
            for image, time_s in zip(frames, times_s.tolist(), strict=True):
                planes = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420), np.uint8)
                frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
                frame.pts, frame.time_base = round(time_s / unit), unit
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    except av.FFmpegError as error:
        raise OutputError(f"Can't write {target}: {error.strerror}. Give a path with room that you may write.") from error
