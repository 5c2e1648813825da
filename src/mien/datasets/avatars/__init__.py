"""Avatars: drawn faces, shaded and posed, that show every expression. They need no file, and the truth about each of them is known.

Brows, lids, eyes, nose, mouth, jaw and folds follow action units (`actions`), on characters that differ in proportions and colours
(`people`), under any pose (`view`), light (`relief`), backdrop and camera. `load` gives stills or sequences as a data set, `scene`
writes whole video clips with their ground truth, `export` writes a data set to files. The same seed gives the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mien.core.errors import OptionError, UnknownNameError
from mien.core.labels import FER8, LabelSet, label_set
from mien.datasets.avatars.clip import Clip, scene
from mien.datasets.avatars.crew import draw_all
from mien.datasets.avatars.export import export
from mien.datasets.avatars.people import cast
from mien.datasets.avatars.rows import Drawn, Plan, turn_name
from mien.datasets.avatars.shots import FRAMINGS
from mien.datasets.base import Dataset

__all__ = ["Clip", "export", "load", "scene"]

KINDS = {"stills": 1_000, "sequences": 70, "turns": 120}
"""Kind → how many are drawn when `n` is not given."""
MAX_BYTES = 8 * 2**30
_OWN = ("id", "subject", "split", "sequence", "frame")


def load(
    data_dir: Path,
    *,
    labels: str | LabelSet | Sequence[str] = "fer7",
    n: int | None = None,
    size: int = 48,
    channels: int = 1,
    seed: int = 0,
    kind: str = "stills",
    characters: int | Sequence[str] = 30,
    length: int | tuple[int, int] = 24,
    intensity: tuple[float, float] = (0.6, 1.0),
    framing: str = "crop",
    workers: int | None = None,
) -> Dataset:
    """Draw a data set. Nothing is read from `data_dir`, which need not exist.

    `labels`: any label set that is reached from the eight expressions; a class that holds several (negative) shows them in turn.
    `n`: how many stills or sequences (default: KINDS). `size`: pixels a side, 16 to 1024. `channels`: 1 (gray) or 3 (RGB).
    `kind`: "stills", balanced over classes and characters, or "sequences" of `length` frames at 25 Hz, neutral → onset → apex → offset →
    neutral, every frame a row that is labelled neutral while its intensity is below 0.3 (-1 where the set holds no neutral); or "turns",
    sequences in which an expression comes and stays or, the same backwards, goes: every frame is labelled "happiness comes" or "happiness
    goes", in the label set `turns` of two such classes for each one of `labels` but neutral, and only the order of frames tells them apart.
    `length` may be a range (low, high), from which each sequence draws its own.
    `characters`: how many, or names of `people.NAMED`. `intensity`: the range of the strength at the apex, 0–1. `framing`: "crop" as
    FER2013 frames faces, or "portrait" with head and shoulders. `workers`: processes, None is one a core where that pays.

    The split is by character: of six in a row four are training, one validation, one test. Picture i depends on `seed`, i, the label set,
    the characters and how it is framed, never on `n`. `metadata`: expression, phase, intensity, units (FACS), yaw, pitch, roll (degrees),
    light and elevation (degrees), exposure, blur, noise, tone (0–7), age (0–1), hair, beard, glasses; time_s for sequences.

    Raises
    ------
    OptionError
        An option outside its range, or pictures that would take more than 8 GiB.
    UnknownNameError
        A kind, a framing, a label set or a character that does not exist.
    LabelError
        A class that no expression reaches.
    """
    if kind not in KINDS:
        raise UnknownNameError("kind of avatars", kind, KINDS)
    if framing not in FRAMINGS:
        raise UnknownNameError("framing", framing, FRAMINGS)
    count = KINDS[kind] if n is None else n
    low, high = (length, length) if isinstance(length, int) else length if len(length) == 2 else (0, 0)
    _check(count, size, channels, seed, low, high, intensity, workers)
    frames = count * (1 if kind == "stills" else high)
    if frames * size * size * channels > MAX_BYTES:
        raise OptionError(f"{frames:,} pictures of {size}×{size}×{channels} take more than 8 GiB. Lower n, length or size.")
    declared = label_set(labels)
    moving = (0, 0) if kind == "stills" else (low, high)
    plan = Plan(declared, cast(characters, seed), seed, size, channels == 1, framing, intensity, moving, kind == "turns")
    column = {name: declared.index(name) for name in declared} | _through(declared)
    if plan.turns:
        column, declared = _turns(column, declared)
    return _assemble(draw_all(plan, count, workers), column, declared)


def _check(n: int, size: int, channels: int, seed: int, low: int, high: int, intensity: tuple[float, float], workers: int | None) -> None:
    ranges = {"n": (n, 1, 10_000_000), "size": (size, 16, 1024), "seed": (seed, 0, 2**63)}
    ranges |= {"length": (low, 5, 100_000), "the end of length": (high, low, 100_000)}
    ranges["workers"] = (1 if workers is None else workers, 1, 256)
    for name, (value, low, high) in ranges.items():
        if not isinstance(value, int) or not low <= value <= high:
            raise OptionError(f"{name} is a whole number from {low:,} to {high:,}; received {value!r}.")
    if channels not in (1, 3):
        raise OptionError(f"channels is 1 (gray) or 3 (RGB); received {channels!r}.")
    pair = isinstance(intensity, (tuple, list)) and len(intensity) == 2 and all(isinstance(end, (int, float)) for end in intensity)
    if not pair or not 0 <= intensity[0] <= intensity[1] <= 1:
        raise OptionError(f"intensity is a range (low, high) with 0 ≤ low ≤ high ≤ 1; received {intensity}.")


def _turns(column: dict[str, int], labels: LabelSet) -> tuple[dict[str, int], LabelSet]:
    """The same columns for what comes and what goes, and the label set of both."""
    both = [(name, goes) for name in labels if name != "neutral" for goes in (False, True)]
    turns = LabelSet("turns", tuple(turn_name(*one) for one in both))
    shown = [(name, labels[i], goes) for name, i in column.items() for goes in (False, True) if labels[i] != "neutral"]
    return {turn_name(name, goes): turns.index(turn_name(label, goes)) for name, label, goes in shown}, turns


def _assemble(drawn: Sequence[Drawn], column: dict[str, int], labels: LabelSet) -> Dataset:
    targets = np.array([column.get(one.expression, -1) for one in drawn], np.int64)
    own = {key: np.array([one.row[key] for one in drawn]) for key in drawn[0].row}
    unlabelled = int((targets < 0).sum())
    empty = [f"No row shows {label}." for i, label in enumerate(labels) if i not in targets]
    lost = [f"{unlabelled:,} neutral frames have no label, for {labels.name} has no neutral."] if unlabelled else []
    sequences = own["sequence"] if any(own["sequence"]) else None
    return Dataset(
        name="avatars",
        labels=labels,
        images=np.stack([one.image for one in drawn]),
        targets=targets,
        split=own["split"],
        ids=own["id"],
        subjects=own["subject"],
        sequences=sequences,
        frames=None if sequences is None else own["frame"].astype(np.int64),
        metadata={key: values for key, values in own.items() if key not in _OWN},
        notes=(*lost, *empty),
    )


def _through(labels: LabelSet) -> dict[str, int]:
    """Expression → column, where the set holds it under another name."""
    matrix = FER8.projection(labels)
    return {name: int(row.argmax()) for name, row in zip(FER8, matrix, strict=True) if row.any()}
