"""Small data sets with random pixels, written in the real layouts."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "not_face")
KAGGLE_FOLDERS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
USAGES = ("Training",) * 7 + ("PublicTest",) * 3 + ("PrivateTest",) * 4


@dataclass(frozen=True)
class Fake:
    """FER2013 in small: 7 Training, 3 PublicTest and 4 PrivateTest rows; row i has code i % 7."""

    images: NDArray[np.uint8]
    codes: NDArray[np.int64]
    usage: tuple[str, ...]
    votes: NDArray[np.uint8]


def fake(seed: int = 0) -> Fake:
    rng = np.random.default_rng(seed)
    n = len(USAGES)
    images = np.repeat(np.repeat(rng.integers(0, 256, (n, 6, 6), np.uint8), 8, axis=1), 8, axis=2)
    votes = np.stack([rng.multinomial(10, rng.dirichlet(np.full(10, 0.4))) for _ in range(n)]).astype(np.uint8)
    return Fake(images, np.arange(n) % 7, USAGES, votes)


def encoded(image: NDArray[np.uint8], form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, form, **options)
    return buffer.getvalue()


def write_parquet(folder: Path, data: Fake, votes: bool = True) -> None:
    columns: dict[str, object] = {
        "image": [encoded(image, "WEBP", lossless=True) for image in data.images],
        "emotion": data.codes.astype(np.uint8),
        "usage": list(data.usage),
    }
    if votes:
        columns |= {name: data.votes[:, i] for i, name in enumerate(VOTES)}
    pq.write_table(pa.table(columns), folder / "fer2013.parquet")


def write_csv(folder: Path, data: Fake, name: str = "fer2013.csv") -> None:
    icml = name == "icml_face_data.csv"
    with (folder / name).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["emotion", " Usage", " pixels"] if icml else ["emotion", "pixels", "Usage"])
        for image, code, usage in zip(data.images, data.codes, data.usage, strict=True):
            text = " ".join(map(str, image.ravel()))
            writer.writerow([code, usage, text] if icml else [code, text, usage])


def write_npz(folder: Path, data: Fake) -> None:
    np.savez(folder / "fer2013.npz", pixels=data.images, emotion=data.codes, usage=np.array(data.usage), votes=data.votes)


def write_folders(folder: Path, data: Fake, numbers: list[int] | None = None) -> None:
    """The two-folder JPEG copy. Without `numbers` each usage is numbered from 1."""
    count: dict[str, int] = {}
    for i, (image, code, usage) in enumerate(zip(data.images, data.codes, data.usage, strict=True)):
        count[usage] = count.get(usage, 0) + 1
        target = folder / ("train" if usage == "Training" else "test") / KAGGLE_FOLDERS[code]
        target.mkdir(parents=True, exist_ok=True)
        number = count[usage] if numbers is None else numbers[i]
        (target / f"{usage}_{number}.jpg").write_bytes(encoded(image, "JPEG", quality=98))


def ferplus_names(data: Fake) -> list[str]:
    """Row 2 has no image, and row 4 repeats the name of row 3, as some rows of the published file do."""
    names = [f"fer{i:07d}.png" for i in range(len(data.usage))]
    names[2], names[4] = "", names[3]
    return names


def write_ferplus(folder: Path, data: Fake, pictures: bool = False) -> None:
    folder.mkdir(exist_ok=True)
    names = ferplus_names(data)
    rows = list(zip(data.usage, names, data.votes.tolist(), data.images, strict=True))
    header = ["Usage", "Image name", *VOTES[:-1], "NF"]
    _write_lines(folder / "fer2013new.csv", [header, *([u, n, *v] for u, n, v, _ in rows)])
    for part, usage in (("FER2013Train", "Training"), ("FER2013Valid", "PublicTest"), ("FER2013Test", "PrivateTest")):
        (folder / part).mkdir(exist_ok=True)
        named = {n: (v, image) for u, n, v, image in reversed(rows) if u == usage and n}
        _write_lines(folder / part / "label.csv", [[n, "(0, 0, 48, 48)", *v] for n, (v, _) in named.items()])
        for name, (_, image) in named.items() if pictures else ():
            (folder / part / name).write_bytes(encoded(image))


def _write_lines(path: Path, lines: list[list[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(lines)
