"""Who is who in drawn clips with crossings and boards that hide faces: IDF1, frames without a row, and times against the truth.

    python benchmarks/tracking.py [--clips 8] [--seconds 8] [--out docs/tracking.md]

Every frame is analysed. A face counts where half of it or more is seen; boxes agree from an overlap of 0.3 on, since a detector's box is
framed in its own way. What is found of a face that is hidden by more than half is left out. A hidden face that comes back is the same
person. Then the same with detection in every third frame.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from documents import page, table
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

import mien
from mien.analysis.analyzer import Analyzer
from mien.bench.measure import hardware
from mien.core.boxes import overlaps
from mien.core.files import write_text
from mien.core.types import FrameResult
from mien.datasets.avatars import Clip, scene
from mien.evaluation.identity import Boxes, Identity, identity

RATES: tuple[tuple[str, Fraction | int | str], ...] = (
    ("23.976", Fraction(24_000, 1001)),
    ("29.97", Fraction(30_000, 1001)),
    ("30", 30),
    ("variable", "variable"),
)
SEEN, OVERLAP = 0.5, 0.3
_BOX = ["x1", "y1", "x2", "y2"]
HEAD = ("clip", "frames a second", "detection", "frames", "without a row", "largest error of a time", "IDF1", "right / missed / extra")


@dataclass(frozen=True)
class Row:
    """What came of one clip."""

    clip: int
    rate: str
    every: int
    frames: int
    lost: int
    time_error_s: float
    counts: Identity

    def cells(self) -> list[str]:
        """A row of the table."""
        counts, every = self.counts, "every frame" if self.every == 1 else f"every {self.every}rd"
        told = f"{counts.true:,} / {counts.missed:,} / {counts.extra:,}"
        cells = (self.clip, self.rate, every, self.frames, self.lost, f"{1000 * self.time_error_s:.3f} ms", f"{counts.idf1:.3f}", told)
        return [str(cell) for cell in cells]


def measure(clip: Clip, number: int, rate: str, every: int) -> Row:
    """Analyse one clip and hold it against its truth."""
    analyzer = Analyzer(threads=1, detect_every=every)
    results = list(analyzer.stream(str(clip.path)))
    times = {result.index: result.time_s or 0.0 for result in results}
    error = max(abs(times[k] - time_s) for k, time_s in enumerate(clip.times_s) if k in times)
    return Row(number, rate, every, len(clip.times_s), len(clip.times_s) - len(times), error, compare(clip, results))


def compare(clip: Clip, results: Sequence[FrameResult]) -> Identity:
    """Identities of the faces that are seen, against tracks."""
    table = clip.to_df()
    seen, hidden = table[table["visible"] >= SEEN], table[table["visible"] < SEEN]
    who = np.unique(seen["identity"].to_numpy(str), return_inverse=True)[1]
    truth = Boxes(seen["frame"].to_numpy(int), who, seen[_BOX].to_numpy(float))
    faces = [(result.index, face) for result in results for face in result.faces]
    found = Boxes(
        np.array([index for index, _ in faces], int),
        np.array([face.track_id for _, face in faces], int),
        np.array([face.face.box_xyxy for _, face in faces], float).reshape(-1, 4),
    )
    return identity(truth, _without(found, truth, hidden["frame"].to_numpy(int), hidden[_BOX].to_numpy(float)), OVERLAP)


def _without(found: Boxes, truth: Boxes, frames: NDArray[np.integer], box_xyxy: NDArray[np.floating]) -> Boxes:
    """Leave out boxes on faces that are hidden by more than half, `frames` and `box_xyxy`: to find those is no fault.

    What shows a face that is seen stays, also where it covers one that is hidden.
    """
    keep = np.ones(len(found.frames), bool)
    for frame in np.intersect1d(found.frames, frames):
        here = np.flatnonzero(found.frames == frame)
        boxes, own = found.box_xyxy[here], truth.box_xyxy[truth.frames == frame]
        shared = overlaps(boxes, own)
        shows = {int(i) for i, j in zip(*linear_sum_assignment(shared, maximize=True), strict=True) if shared[i, j] >= OVERLAP}
        near = overlaps(boxes, box_xyxy[frames == frame]).max(axis=1) >= OVERLAP
        keep[here] = [k in shows or not near[k] for k in range(len(here))]
    return Boxes(found.frames[keep], found.who[keep], found.box_xyxy[keep])


def main() -> None:
    """Draw, analyse, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    rows = []
    with TemporaryDirectory() as folder:
        for number in range(asked.clips):
            name, rate = RATES[number % len(RATES)]
            path = Path(folder, f"{number}.mp4")
            clip = scene(path, seed=100 + number, seconds=asked.seconds, size=(640, 360), rate=rate, faces=3, occluders=1)
            for every in (1, 3):
                rows.append(measure(clip, number, name, every))
                print(*rows[-1].cells(), sep="  ", flush=True)
    first, third = ([row.counts.idf1 for row in rows if row.every == step] for step in (1, 3))
    told = (
        f"Mean IDF1 {np.mean(first):.3f} (worst {min(first):.3f}) with detection in every frame, {np.mean(third):.3f} (worst "
        f"{min(third):.3f}) in every third. A face counts where half of it or more is seen. {asked.clips} clips of "
        f"{asked.seconds:g} s, three people who pass each other and a board that passes in front of them (seeds from 100). "
        f"{hardware()}, mien {mien.__version__}."
    )
    command = f"python benchmarks/tracking.py --clips {asked.clips} --seconds {asked.seconds:g}"
    text = page("Tracking, measured", command, told, table(HEAD, [row.cells() for row in rows]))
    print(told)
    if asked.out:
        write_text(asked.out, text)


if __name__ == "__main__":
    main()
