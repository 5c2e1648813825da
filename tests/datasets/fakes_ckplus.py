"""CK+ in small, with random pixels: the full form with labels beside the pictures, and CK+48."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.datasets.fakes import encoded

# Subject, sequence, frames, code of the expression (None: no label), action units with their intensities.
Listed = tuple[str, str, int, int | None, tuple[tuple[int, int], ...]]
SEQUENCES: tuple[Listed, ...] = (
    ("S005", "001", 5, 3, ((9, 5), (17, 0))),
    ("S010", "002", 4, 7, ((1, 3), (2, 3), (5, 2), (27, 0))),
    ("S010", "004", 6, 1, ((4, 4),)),
    ("S011", "001", 3, None, ((12, 2),)),
    ("S138", "008", 4, 2, ((14, 1),)),
)


def frame(subject: str, sequence: str, number: int) -> str:
    return f"{subject}_{sequence}_{number:08d}"


def write_ckplus(folder: Path, *, sequences: Sequence[Listed] = SEQUENCES, facs: bool = True, side: int = 16) -> None:
    """The full form. Pixel [0, 0] of a frame is 10 × its number; the sequence of S138 is in colour."""
    rng = np.random.default_rng(3)
    for subject, sequence, n, code, units in sequences:
        home = folder / "cohn-kanade-images" / subject / sequence
        home.mkdir(parents=True)
        for number in range(1, n + 1):
            image = rng.integers(0, 256, (side, side), np.uint8)
            image[0, 0] = 10 * number
            if subject == "S138":
                image = np.stack([image] * 3, axis=2)
            (home / f"{frame(subject, sequence, number)}.png").write_bytes(encoded(image))
        peak = frame(subject, sequence, n)
        labels = folder / "Emotion" / subject / sequence
        labels.mkdir(parents=True)
        if code is not None:
            (labels / f"{peak}_emotion.txt").write_text(f"   {code:.7e}\n")
        if facs:
            coded = folder / "FACS" / subject / sequence
            coded.mkdir(parents=True)
            lines = [f"   {unit:.7e}   {intensity:.7e}" for unit, intensity in units]
            (coded / f"{peak}_facs.txt").write_text("\n".join(lines) + "\n")


def write_ck48(folder: Path) -> None:
    """CK+48: the last three frames of two sequences of one subject and one of another."""
    rng = np.random.default_rng(4)
    for word, subject, sequence, last in (("anger", "S010", "004", 19), ("surprise", "S010", "002", 14), ("contempt", "S138", "008", 9)):
        home = folder / word
        home.mkdir(parents=True, exist_ok=True)
        for number in range(last - 2, last + 1):
            (home / f"{frame(subject, sequence, number)}.png").write_bytes(encoded(rng.integers(0, 256, (48, 48), np.uint8)))
