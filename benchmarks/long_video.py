"""An hour of 1280×720 video with one face: speed, memory over time, a kill and a resume, and what following faces costs in errors.

    python benchmarks/long_video.py [--seconds 3600] [--drawn 60] [--keep FOLDER] [--clips 4] [--clip-seconds 12] [--out docs/long_video.md]

`--drawn` seconds of a drawn person are written once and put one after another, not encoded again, until the video is `--seconds` long; in
the folder `--keep` they stay for the next time. `mien analyze --detect-every 3` runs over it in a process of its own, whose resident memory
is read once a second; then once more with `--resume`, killed half way and run again, and both tables are held against each other.

The last table is of short clips with three people and a board that passes in front of them: the boxes against the truth, with detection in
every frame and in every third. A detector's box is framed in its own way, so that its overlap with the drawn face never is 1.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from documents import page, table
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

import mien
from mien.analysis.analyzer import Analyzer
from mien.bench.measure import hardware
from mien.core.boxes import overlaps
from mien.core.files import replacing, write_text
from mien.core.types import FaceResult
from mien.datasets.avatars import Clip, scene

RATE, SIZE, EVERY = 25, (1280, 720), 3
SETTLED_S = 120.0  # from then on the slope of memory is taken, or from a third of a shorter run on
LEAST = 60  # samples for a slope
SEEN, OVERLAP = 0.5, 0.3
MIB = 2**20


def long_clip(folder: Path, seconds: int, drawn: int) -> Path:
    """The video, out of as many copies of a drawn part as it takes; what is there already is not made again."""
    part, path = folder / f"part-{drawn}.mp4", folder / f"long-{seconds}-of-{drawn}.mp4"
    if not part.is_file():
        scene(part, seed=7, seconds=drawn, size=SIZE, rate=RATE, faces=1, occluders=0)
    if not path.is_file():
        with replacing(path) as temporary, av.open(str(temporary), "w", format="mp4") as target:
            _repeat(part, target, seconds, drawn)
    return path


def _repeat(part: Path, target: av.container.OutputContainer, seconds: int, drawn: int) -> None:
    out: av.VideoStream | None = None
    for start in range(0, seconds, drawn):
        with av.open(str(part)) as container:
            stream = container.streams.video[0]
            out = out or target.add_stream_from_template(stream)
            for packet in container.demux(stream):
                if packet.pts is None or packet.dts is None or packet.time_base is None:
                    continue
                if packet.pts * packet.time_base + start >= seconds:
                    return
                packet.pts += round(start / packet.time_base)
                packet.dts += round(start / packet.time_base)
                packet.stream = out
                target.mux(packet)


@dataclass(frozen=True, eq=False)
class Watched:
    """One process: how long it ran, and its resident memory in bytes at these seconds."""

    seconds: float
    code: int
    at_s: NDArray[np.float64]
    memory: NDArray[np.float64]

    @property
    def settled(self) -> NDArray[np.bool_]:
        """The samples from which the slope is taken."""
        return np.asarray(self.at_s >= min(SETTLED_S, self.seconds / 3))

    def told(self) -> str:
        """How the memory changes, by least squares."""
        at_s, memory = self.at_s[self.settled], self.memory[self.settled]
        if len(at_s) < LEAST:
            return "how it changes with time takes a longer run to tell"
        return f"from {at_s[0]:.0f} s on it changes by {np.polyfit(at_s, memory, 1)[0] * 600 / MIB:+.2f} MiB in ten minutes"


def watch(command: Sequence[str], enough: Callable[[], bool] = lambda: False) -> Watched:
    """Run a process to its end, or until it is `enough`, when it is killed."""
    begin, samples = time.perf_counter(), []
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while child.poll() is None:
        samples.append((time.perf_counter() - begin, resident(child.pid)))
        try:
            child.wait(1)
        except subprocess.TimeoutExpired:
            if enough():
                child.kill()
    at_s, memory = np.array([sample for sample in samples if sample[1]] or [(0, 0)], float).T
    return Watched(time.perf_counter() - begin, child.wait(), at_s, memory)


def resident(pid: int) -> int:
    """The memory of a process that is in RAM, in bytes; 0 where it has just ended."""
    asked = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return 1024 * int(asked.stdout or 0)


def through(path: Path, folder: Path) -> list[str]:
    """Run over the long video, whole and in two parts; gives what to tell."""
    frames, whole, parts = _frames(path), folder / "whole.csv", folder / "parts.csv"
    command = [sys.executable, "-m", "mien", "analyze", str(path), "--detect-every", str(EVERY), "--out"]
    run = watch([*command, str(whole)])
    if run.code:
        raise SystemExit(f"mien analyze ended with {run.code}.")
    lines = [
        f"- {frames:,} frames in {run.seconds:,.1f} s: {frames / run.seconds:.1f} frames a second with start-up.",
        f"- Resident memory: {run.memory.max() / MIB:.0f} MiB at its peak, {np.median(run.memory[run.settled]) / MIB:.0f} MiB in the "
        f"median; {run.told()}.",
    ]
    journal = parts.with_name("parts.csv.journal")
    watch([*command, str(parts), "--resume"], lambda: _lines(journal) > frames / 2)
    kept = _lines(journal)
    again = watch([*command, str(parts), "--resume"])
    same = parts.is_file() and parts.read_bytes() == whole.read_bytes()
    return [
        *lines,
        f"- Killed with {kept:,} frames in the journal, and resumed: {again.memory.max() / MIB:.0f} MiB at the peak of the second part; "
        f"the table is {'the same to the byte' if same else 'ANOTHER'}.",
    ]


def _frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return container.streams.video[0].frames


def _lines(journal: Path) -> int:
    if not journal.is_file():
        return 0
    with journal.open("rb") as file:
        return sum(line.startswith(b'{"frame"') for line in file)


@dataclass(frozen=True, eq=False)
class Compared:
    """Sums over a clip: faces seen, overlaps of those found with the truth, labels of theirs as drawn, labels that are not the usual."""

    seen: int
    overlaps: NDArray[np.float64]
    right: int
    labels: int
    differing: int

    @classmethod
    def of(cls, clips: Sequence[Compared]) -> Compared:
        """Their sums."""
        shared = np.concatenate([clip.overlaps for clip in clips])
        seen, right, labels, differing = (sum(getattr(c, name) for c in clips) for name in ("seen", "right", "labels", "differing"))
        return cls(seen, shared, right, labels, differing)

    def cells(self, name: str) -> tuple[str, ...]:
        """A row of the table."""
        lost = 1 - len(self.overlaps) / self.seen
        changed = f"{self.differing / self.labels:.2%}" if self.labels else "–"
        right = f"{self.right / len(self.overlaps):.1%}"
        return name, f"{self.seen:,}", f"{self.overlaps.mean():.3f}", f"{lost:.2%}", right, changed


Faces = dict[int, tuple[FaceResult, ...]]
HEAD = ("detection", "faces seen", "mean overlap with the truth", "faces lost", "labels as drawn", "labels that change")


def found(clip: Clip, every: int) -> Faces:
    """The faces of each frame."""
    return {result.index: result.faces for result in Analyzer(threads=1, detect_every=every).stream(str(clip.path))}


def compare(clip: Clip, faces: Faces, usual: Faces) -> Compared:
    """Hold the faces against the truth, where half of a face or more is seen, and their labels against the `usual` ones."""
    table = clip.to_df()
    table = table[table["visible"] >= SEEN]
    shared, right, labels, differing = [], 0, 0, 0
    for frame, truth in table.groupby("frame"):
        here, drawn = faces.get(int(frame), ()), truth["expression"].to_numpy()
        for row, column, overlap in pairs(truth[["x1", "y1", "x2", "y2"]].to_numpy(float), boxes(here)):
            shared.append(overlap)
            right += here[column].prediction.label == drawn[row]
    for frame, here in faces.items():
        there = usual[frame]
        for row, column, _ in pairs(boxes(here), boxes(there)):
            labels += 1
            differing += here[row].prediction.label != there[column].prediction.label
    return Compared(len(table), np.array(shared), right, labels, differing)


def boxes(faces: Sequence[FaceResult]) -> NDArray[np.float64]:
    """xyxy of each, (N, 4)."""
    return np.array([face.face.box_xyxy for face in faces], float).reshape(-1, 4)


def pairs(first: NDArray[np.float64], second: NDArray[np.float64]) -> list[tuple[int, int, float]]:
    """Rows of both that are the same face, and how far they overlap."""
    shared = overlaps(first, second)
    rows, columns = linear_sum_assignment(shared, maximize=True)
    return [(int(r), int(c), float(shared[r, c])) for r, c in zip(rows, columns, strict=True) if shared[r, c] >= OVERLAP]


def following(folder: Path, clips: int, seconds: float) -> str:
    """The table of what following costs."""
    told: dict[int, list[Compared]] = {1: [], EVERY: []}
    for number in range(clips):
        clip = scene(folder / f"{number}.mp4", seed=200 + number, seconds=seconds, size=(640, 360), faces=3, occluders=1)
        usual = found(clip, 1)
        told[1].append(compare(clip, usual, {}.fromkeys(usual, ())))
        told[EVERY].append(compare(clip, found(clip, EVERY), usual))
    names = {1: "every frame", EVERY: f"every {EVERY}rd"}
    return table(HEAD, [Compared.of(rows).cells(names[every]) for every, rows in told.items()])


def main() -> None:
    """Draw, run, kill, resume, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--drawn", type=int, default=60)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--clip-seconds", type=float, default=12.0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    if asked.keep:
        asked.keep.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        path = long_clip(asked.keep or folder, asked.seconds, min(asked.drawn, asked.seconds))
        long = through(path, folder)
        print(*long, sep="\n", flush=True)
        short = following(folder, asked.clips, asked.clip_seconds) if asked.clips else ""
    print(short)
    if asked.out:
        write_text(asked.out, _document(asked, long, short))


def _document(asked: argparse.Namespace, long: list[str], short: str) -> str:
    told = (
        f"`mien analyze --detect-every {EVERY} --out` over {asked.seconds:,} s of {SIZE[0]}×{SIZE[1]} at {RATE} frames a second with one "
        f"face, default model and detector. {hardware()}, mien {mien.__version__}."
    )
    options = f"--seconds {asked.seconds} --drawn {asked.drawn} --clips {asked.clips} --clip-seconds {asked.clip_seconds:g}"
    parts = [told, "\n".join(long)]
    if short:
        parts += [
            f"What following faces between detections costs, on {asked.clips} clips of {asked.clip_seconds:g} s (seeds from 200). A face "
            f"counts where half of it or more is seen; it is lost where no box overlaps it by {OVERLAP}. Labels are "
            "raw, frame by frame; one is as drawn where it is the expression that is under way, and changes where it is another than with "
            "detection in every frame.",
            short,
        ]
    return page("A long video, measured", f"python benchmarks/long_video.py {options}", *parts)


if __name__ == "__main__":
    main()
