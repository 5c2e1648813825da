"""Smoothing of scores over time on drawn clips whose truth is known: wrong frames, false switches, true changes kept, and when the apex is.

    python benchmarks/smoothing.py [--clips 6] [--seconds 30] [--fps 15] [--out docs/smoothing.md]

A face's truth is the expression that it shows from half of its full intensity on, else neutral. A change of the truth is kept when the same
change is in the smoothed labels within half a second; every other switch is false. An apex is compared for segments of the right label.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from documents import page, table
from numpy.typing import NDArray

import mien
from mien.analysis.analyzer import Analyzer
from mien.bench.measure import hardware
from mien.core.files import write_text
from mien.core.labels import LabelSet
from mien.core.types import FrameResult
from mien.datasets.avatars import Clip, scene
from mien.dynamics.segments import segments
from mien.dynamics.series import Series
from mien.dynamics.smoothing import smooth

WITHIN_S = 0.5
SHOWN = 0.5
HEAD = ("smoothing", "wrong frames", "false switches a minute", "changes kept", "apex off by, median", "within 100 ms")
METHODS: tuple[tuple[str, float | None], ...] = (
    ("none", None),
    ("exponential", 0.15),
    ("exponential", 0.3),
    ("exponential", 0.6),
    ("hann", 0.25),
    ("hann", 0.5),
    ("hann", 1.0),
    ("viterbi", 1.0),
    ("viterbi", None),
)


@dataclass(frozen=True, eq=False)
class Person:
    """One drawn person: what the model said of the face, and the truth at the same times, as columns and as intensities 0–1."""

    series: Series
    truth: NDArray[np.int64]
    intensity: NDArray[np.float64]


@dataclass(frozen=True)
class Found:
    """Sums over people: rows and wrong ones, changes and kept ones, false switches, seconds, and how far each apex was off."""

    rows: int
    wrong: int
    changes: int
    kept: int
    false: int
    seconds: float
    apexes_s: list[float]


def people(clip: Clip, analyzer: Analyzer, fps: float) -> list[Person]:
    """Follow a clip by its truth: each face that was found goes to the person whose box it overlaps most."""
    table = clip.to_df()
    found: dict[str, list[Any]] = {}
    for frame in analyzer.stream(str(clip.path), fps=fps, track=False):
        rows: list[Any] = table[table["frame"] == frame.index].to_dict("records")
        for row, face in _matched(rows, frame):
            found.setdefault(row["identity"], []).append((frame.time_s, face.prediction.scores, row))
    return [_person(rows, analyzer.labels) for rows in found.values() if len(rows) > 1]


def measure(persons: Sequence[Person], smoothed: Sequence[Series]) -> Found:
    """How the smoothed series of people compare with the truth."""
    parts = [_compare(person, series) for person, series in zip(persons, smoothed, strict=True)]
    counted = ("rows", "wrong", "changes", "kept", "false", "seconds")
    sums: dict[str, Any] = {name: sum(getattr(part, name) for part in parts) for name in counted}
    return Found(**sums, apexes_s=[apex for part in parts for apex in part.apexes_s])


def _compare(person: Person, smoothed: Series) -> Found:
    times, said = person.series.times_s, smoothed.shown
    changes, switches = _changes(times, person.truth), _changes(times, said)
    free, kept = list(switches), 0
    for when, before, after in changes:
        near = [one for one in free if one[1:] == (before, after) and abs(one[0] - when) <= WITHIN_S]
        if near:
            kept += 1
            free.remove(min(near, key=lambda one: abs(one[0] - when)))
    apexes = []
    for part in segments(smoothed, 0.2):
        inside = (times >= part.onset_s) & (times <= part.offset_s)
        label = smoothed.labels.index(part.label)
        if part.label != "neutral" and (person.truth[inside] == label).any():
            held = np.flatnonzero(inside & (person.truth == label))
            top = held[person.intensity[held] >= person.intensity[held].max() - 1e-6]
            low, high = times[top[0]], times[top[-1]]
            apexes.append(float(max(low - part.apex_s, part.apex_s - high, 0.0)))
    return Found(len(times), int((said != person.truth).sum()), len(changes), kept, len(free), float(np.ptp(times)), apexes)


def _changes(times: NDArray[np.float64], shown: NDArray[np.int64]) -> list[tuple[float, int, int]]:
    return [(float(times[k] + times[k + 1]) / 2, int(shown[k]), int(shown[k + 1])) for k in np.flatnonzero(np.diff(shown))]


def _matched(rows: list[dict[str, Any]], frame: FrameResult) -> list[tuple[dict[str, Any], Any]]:
    """Each face with the most visible person whose box its middle lies in, if there is one that is half seen or more."""
    pairs = []
    for face in frame.faces:
        x, y = np.array(face.face.box_xyxy).reshape(2, 2).mean(axis=0)
        inside = [row for row in rows if row["x1"] <= x <= row["x2"] and row["y1"] <= y <= row["y2"] and row["visible"] > 0.5]
        if inside:
            pairs.append((max(inside, key=lambda row: row["visible"]), face))
    return pairs


def _person(rows: list[tuple[float, Any, dict[str, Any]]], labels: LabelSet) -> Person:
    rows = sorted({time: (time, scores, row) for time, scores, row in rows}.values(), key=lambda one: one[0])
    told = [row["expression"] if row["intensity"] >= SHOWN else "neutral" for *_, row in rows]
    series = Series(np.array([time for time, *_ in rows]), np.stack([scores for _, scores, _ in rows]), labels)
    return Person(series, np.array([labels.index(name) for name in told]), np.array([row["intensity"] for *_, row in rows]))


def _row(method: str, width_s: float | None, found: Found) -> list[str]:
    name = method if width_s is None else f"{method}, {width_s:g} s"
    name = "viterbi, learnt dwell" if (method, width_s) == ("viterbi", None) else name
    apexes = np.array(found.apexes_s or [np.nan])
    return [
        name,
        f"{100 * found.wrong / found.rows:.1f} %",
        f"{60 * found.false / found.seconds:.1f}",
        f"{found.kept} of {found.changes}",
        f"{1000 * np.median(apexes):.0f} ms",
        f"{100 * np.mean(apexes <= 0.1):.0f} % of {len(found.apexes_s)}",
    ]


def main() -> None:
    """Draw, analyse, smooth, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--fps", type=float, default=15.0)
    parser.add_argument("--model", default="default")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    analyzer, groups = Analyzer(asked.model, threads=1), []
    with TemporaryDirectory() as folder:
        for seed in range(asked.clips):
            clip = scene(Path(folder, f"{seed}.mp4"), seed=seed, seconds=asked.seconds, size=(960, 540), faces=2, occluders=0)
            groups.append(people(clip, analyzer, asked.fps))
    persons = [person for group in groups for person in group]
    cells = []
    for method, width_s in METHODS:
        smoothed = [series for group in groups for series in smooth([person.series for person in group], method, width_s)]
        cells.append(_row(method, width_s, measure(persons, smoothed)))
    rows = sum(len(person.truth) for person in persons)
    told = (
        f"{len(persons)} drawn people in {asked.clips} clips of {asked.seconds:g} s (seeds 0–{asked.clips - 1}), {rows:,} rows "
        f"at {asked.fps:g} frames a second, by the model {analyzer.model.identity.name}. {hardware()}, mien {mien.__version__}."
    )
    command = f"python benchmarks/smoothing.py --clips {asked.clips} --seconds {asked.seconds:g} --fps {asked.fps:g}"
    text = page("Smoothing, measured", command, told, table(HEAD, cells))
    print(text)
    if asked.out:
        write_text(asked.out, text)


if __name__ == "__main__":
    main()
