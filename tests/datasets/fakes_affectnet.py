"""AffectNet in small, with random pixels: the release of folders and the older one of tables."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from tests.datasets.fakes import encoded

COLUMNS = ("subDirectory_filePath", "face_x", "face_y", "face_width", "face_height", "facial_landmarks", "expression", "valence", "arousal")


def write_arrays(folder: Path, codes: dict[str, list[int]] | None = None, side: int = 20) -> None:
    """train_set with each code twice and val_set with each once. Valence is code / 10, arousal its negative."""
    rng = np.random.default_rng(5)
    for name, listed in (codes or {"train_set": [*range(8), *range(8)], "val_set": list(range(8))}).items():
        (folder / name / "images").mkdir(parents=True)
        notes = folder / name / "annotations"
        notes.mkdir()
        for i, code in enumerate(listed):
            (folder / name / "images" / f"{i}.jpg").write_bytes(encoded(rng.integers(0, 256, (side, side, 3), np.uint8), "JPEG"))
            # AffectNet stores text.
            np.save(notes / f"{i}_exp.npy", np.array(str(code)))
            np.save(notes / f"{i}_val.npy", np.array(str(code / 10)))
            np.save(notes / f"{i}_aro.npy", np.array(str(-code / 10)))
            np.save(notes / f"{i}_lnd.npy", np.arange(136.0) + i)


def write_tables(folder: Path, *, header: bool = True) -> None:
    """training.csv with each code 0 to 10, validation.csv with 0 to 7 and with `header` a first line; faces are the right lower quarter."""
    rng = np.random.default_rng(6)
    lists = folder / "Manually_Annotated_file_lists"
    lists.mkdir(parents=True)
    for table, n in (("training.csv", 11), ("validation.csv", 8)):
        lines = []
        for code in range(n):
            name = f"{n}/{code:032x}.jpg"
            path = folder / "Manually_Annotated_Images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            image = np.zeros((16, 16, 3), np.uint8)
            image[8:, 8:] = rng.integers(100, 256)
            path.write_bytes(encoded(image, "JPEG", quality=98, subsampling=0))
            landmarks = ";".join(f"{i + code}.0" for i in range(136))
            shown = code < 8
            box = (8, 8, 8, 8) if shown else ("NULL",) * 4
            affect = (code / 10, -code / 10) if shown else (-2, -2)
            lines.append((name, *box, landmarks if shown else "NULL", code, *affect))
        with (lists / table).open("w", newline="") as file:
            writer = csv.writer(file)
            if header or table == "training.csv":
                writer.writerow(COLUMNS)
            writer.writerows(lines)
