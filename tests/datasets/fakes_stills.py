"""JAFFE, FERG and RAF-DB in small, with random pixels, written in the real layouts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.datasets.fakes import encoded

JAFFE_CODES = ("AN", "DI", "FE", "HA", "NE", "SA", "SU")
CHARACTERS = ("aia", "bonnie", "jules", "malcolm", "mery", "ray")
FERG_WORDS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
RAFDB_LINES = tuple(f"train_{i:05d}.jpg {i}" for i in range(1, 8)) + tuple(f"test_{i:04d}.jpg {8 - i}" for i in range(1, 8))
"""Each code 1 to 7 once in train, upwards, and once in test, downwards."""


def noise(rng: np.random.Generator, side: int, channels: int = 3) -> bytes:
    shape = (side, side) if channels == 1 else (side, side, channels)
    return encoded(rng.integers(0, 256, shape, np.uint8))


def write_jaffe(folder: Path, subjects: tuple[str, ...] = ("KA", "YM"), takes: int = 2) -> None:
    """`takes` pictures of each expression by each subject."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, number = np.random.default_rng(0), 0
    for subject in subjects:
        for code in JAFFE_CODES:
            for take in range(1, takes + 1):
                number += 1
                image = rng.integers(0, 256, (32, 32), np.uint8)
                (folder / f"{subject}.{code}{take}.{number}.tiff").write_bytes(encoded(image, "TIFF"))
    (folder / "README").write_text("no picture")
    (folder / "._KA.AN1.39.tiff").write_bytes(b"what a Mac leaves behind")


def write_ferg(folder: Path, n: int = 2, side: int = 24) -> None:
    """`n` pictures of each expression of each character."""
    rng = np.random.default_rng(1)
    for character in CHARACTERS:
        for word in FERG_WORDS:
            home = folder / character / f"{character}_{word}"
            home.mkdir(parents=True)
            for number in range(1, n + 1):
                (home / f"{character}_{word}_{number}.png").write_bytes(noise(rng, side))


def write_rafdb(folder: Path, lines: tuple[str, ...] = RAFDB_LINES, attributes: bool = True) -> None:
    """The list, the aligned pictures and, with `attributes`, what annotators said of each."""
    rng = np.random.default_rng(2)
    (folder / "EmoLabel").mkdir(parents=True)
    (folder / "EmoLabel" / "list_patition_label.txt").write_text("\n".join(lines) + "\n")
    (folder / "Image" / "aligned").mkdir(parents=True)
    for i, line in enumerate(lines):
        name = line.split(".")[0]
        (folder / "Image" / "aligned" / f"{name}_aligned.jpg").write_bytes(encoded(rng.integers(0, 256, (20, 20, 3), np.uint8), "JPEG"))
        if attributes:
            path = folder / "Annotation" / "manual" / f"{name}_manu_attri.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            landmarks = "\n".join(f"{x}.5\t{x + 3}.25" for x in range(5))
            path.write_text(f"{landmarks}\n{i % 3}\n{i % 3}\n{i % 5}\n")
