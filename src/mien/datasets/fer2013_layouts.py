"""The layouts in which people have FER2013 on disk, each read into one table."""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.decode import decode_image
from mien.core.errors import DatasetAbsentError, DatasetCorruptError, DatasetPartialError, InputError
from mien.datasets.names import expression_name
from mien.datasets.parquet import read_parquet
from mien.datasets.terms import how_to_get

SIDE = 48
VOTE_COLUMNS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "not_face")
"""The ten FER+ counts, in the order of the published files."""

_USAGES = ("Training", "PublicTest", "PrivateTest")
_CODES = {"anger": 0, "disgust": 1, "fear": 2, "happiness": 3, "sadness": 4, "surprise": 5, "neutral": 6}
_CHUNK = 512
_SHORTEST_WEBP = 32


@dataclass(frozen=True, eq=False)
class Table:
    """FER2013 as it lies in `path`.

    `images` uint8 (N, 48, 48), `codes` int64 (N,) as published, `usage` str (N,), `ids` int64 or str (N,), `votes` uint8 (N, 10)
    in the order of VOTE_COLUMNS or None. The arrays are read-only: they are shared by all who read the same file.
    """

    path: Path
    images: NDArray[np.uint8]
    codes: NDArray[np.int64]
    usage: NDArray[np.str_]
    ids: NDArray[np.int64] | NDArray[np.str_]
    votes: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        for array in (self.images, self.codes, self.usage, self.ids, self.votes):
            if array is not None:
                array.flags.writeable = False


def read_table(data_dir: Path) -> Table:
    """Read the first layout found in `data_dir` or its folder `fer2013`. A file that did not change is decoded once a process.

    Raises DatasetAbsentError, DatasetPartialError or DatasetCorruptError.
    """
    path, read = _find(data_dir)
    return _read_cached(read, path, _stamp(path))


def _find(data_dir: Path) -> tuple[Path, Callable[[Path], Table]]:
    for folder in (data_dir, data_dir / "fer2013"):
        for name, read in _FILES.items():
            if (folder / name).is_file():
                return folder / name, read
        if (folder / "train").is_dir() or (folder / "test").is_dir():
            return folder, _read_folders
    raise DatasetAbsentError(
        f"No FER2013 in {data_dir}: looked for {', '.join(_FILES)} and the folders train and test, there and in {data_dir / 'fer2013'}. "
        f"Give the folder that holds one of them. {how_to_get('fer2013')}"
    )


def find_table(data_dir: Path) -> Path:
    """The file or folder that `read_table` would read. Raises DatasetAbsentError."""
    return _find(data_dir)[0]


@lru_cache(maxsize=2)
def _read_cached(read: Callable[[Path], Table], path: Path, stamp: tuple[int, int]) -> Table:
    """`stamp` is part of the key alone: a file that changed is read anew."""
    return read(path)


def _stamp(path: Path) -> tuple[int, int]:
    if path.is_file():
        status = path.stat()
        return status.st_mtime_ns, status.st_size
    folders = _class_folders(path)
    return max(f.stat().st_mtime_ns for f in (path, *folders)), len(folders)


def _class_folders(path: Path) -> list[Path]:
    return sorted(f for part in ("train", "test") for f in path.glob(f"{part}/*") if f.is_dir())


def _read_parquet(path: Path) -> Table:
    frame = read_parquet(path)
    names = list(frame.columns)
    _need_columns(path, names, ("image", "emotion", "usage"))
    encoded = [image if isinstance(image, bytes) else b"" for image in frame["image"]]
    try:
        codes = frame["emotion"].to_numpy(np.int64)
        votes = frame[list(VOTE_COLUMNS)].to_numpy(np.uint8) if set(VOTE_COLUMNS) <= set(names) else None
    except (TypeError, ValueError) as error:
        raise DatasetCorruptError(f"{path} has a column of the wrong kind ({error}). Fetch the file again.") from error
    images = decode_all(path, [f"row {i}" for i in range(len(encoded))], encoded)
    return Table(path, images, codes, frame["usage"].to_numpy(str), _numbered(len(encoded)), votes)


def _read_npz(path: Path) -> Table:
    try:
        with np.load(path, allow_pickle=False) as file:
            _need_columns(path, file.files, ("pixels", "emotion", "usage"))
            images, codes, usage = file["pixels"], file["emotion"].astype(np.int64), file["usage"].astype(str)
            votes = file["votes"].astype(np.uint8) if "votes" in file.files else None
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise DatasetCorruptError(f"{path} can't be read as npz ({error}). Write the file again.") from error
    if images.dtype != np.uint8 or images.shape != (len(codes), SIDE, SIDE) or len(usage) != len(codes):
        raise DatasetCorruptError(
            f"{path} holds pixels {images.dtype} {images.shape}, emotion {codes.shape} and usage {usage.shape}; "
            "allowed are uint8 (N, 48, 48) and two rows of N. Write the file again."
        )
    return Table(path, images, codes, usage, _numbered(len(codes)), votes)


def _read_csv(path: Path) -> Table:
    pixels, codes, usage = [], [], []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = [name.strip().lower() for name in next(reader, [])]
            _need_columns(path, header, ("emotion", "pixels", "usage"))
            code_at, pixels_at, usage_at = (header.index(name) for name in ("emotion", "pixels", "usage"))
            for record in reader:
                codes.append(int(record[code_at]))
                # bytes() takes 0–255 alone, so that the conversion is the check of the range as well
                pixels.append(bytes(map(int, record[pixels_at].split())))
                usage.append(record[usage_at].strip())
                if len(pixels[-1]) != SIDE * SIDE:
                    raise DatasetCorruptError(
                        f"Line {len(pixels) + 1} of {path} has {len(pixels[-1])} pixels; FER2013 has 2304 (48×48). Fetch the file again."
                    )
    except (ValueError, IndexError, csv.Error) as error:
        raise DatasetCorruptError(f"Line {len(pixels) + 2} of {path} is broken ({error}). Fetch the file again.") from error
    images = np.frombuffer(b"".join(pixels), np.uint8).reshape(-1, SIDE, SIDE)
    return Table(path, images, np.array(codes, np.int64), np.array(usage, str), _numbered(len(codes)))


_PICTURES = {".jpg", ".jpeg", ".png"}
_FILE_NAME = re.compile(rf"({'|'.join(_USAGES)})_(\d+)")


def _read_folders(path: Path) -> Table:
    files, codes = [], []
    for folder in _class_folders(path):
        code = _CODES[expression_name(folder.name, _CODES, where=str(folder))]
        inside = sorted(f for f in folder.iterdir() if f.suffix.lower() in _PICTURES)
        files += inside
        codes += [code] * len(inside)
    if not files:
        raise DatasetAbsentError(f"No pictures in {path}/train and {path}/test. Give the folder that holds train/<expression>/*.jpg.")
    keys = [_usage_and_number(file) for file in files]
    order = sorted(range(len(files)), key=lambda i: (_USAGES.index(keys[i][0]), keys[i][1], files[i].name))
    usage = [keys[i][0] for i in order]
    images = decode_all(path, [str(files[i]) for i in order], [files[i].read_bytes() for i in order])
    ids = _folder_ids(usage, [keys[i][1] for i in order], [f"{files[i].parent.parent.name}/{files[i].name}" for i in order])
    return Table(path, images, np.array([codes[i] for i in order], np.int64), np.array(usage, str), ids)


def _usage_and_number(file: Path) -> tuple[str, int]:
    match = _FILE_NAME.match(file.stem)
    if match is None and file.parent.parent.name == "train":
        digits = re.sub(r"\D", "", file.stem)
        return "Training", int(digits or 0)
    if match is None:
        raise DatasetPartialError(
            f"{file} does not say whether it belongs to PublicTest or PrivateTest; names like PublicTest_00000001.jpg do. "
            "Use a copy that keeps them (fer2013.csv does), or read the folder as it is with the data set 'folder'."
        )
    return match[1], int(match[2])


def _folder_ids(usage: Sequence[str], numbers: Sequence[int], names: Sequence[str]) -> NDArray[np.int64] | NDArray[np.str_]:
    """Row numbers where each usage is numbered 1, 2, 3 … without a gap; else the file names, which say nothing of the rows."""
    counts = [usage.count(name) for name in _USAGES]
    gapless = list(numbers) == list(chain.from_iterable(range(1, n + 1) for n in counts))
    return _numbered(len(names)) if gapless else np.array(names, str)


def decode_all(path: Path, names: Sequence[str], data: Sequence[bytes]) -> NDArray[np.uint8]:
    """Encoded 48×48 pictures as gray uint8 (N, 48, 48). Raises DatasetCorruptError, with the name of the picture in `path`."""
    images = np.empty((len(data), SIDE, SIDE), np.uint8)

    def decode(start: int) -> None:
        for i in range(start, min(start + _CHUNK, len(data))):
            image = _decode_gray(data[i])
            if image is None or image.shape != (SIDE, SIDE):
                what = "no readable picture" if image is None else f"{image.shape[1]}×{image.shape[0]}"
                raise DatasetCorruptError(f"{names[i]} of {path} is {what}; FER2013 has 48×48 pictures. Fetch the file again.")
            images[i] = image

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(decode, range(0, len(data), _CHUNK)))
    return images


def _decode_gray(data: bytes) -> NDArray[np.uint8] | None:
    """OpenCV is the quicker for the table's WebP, but it fills the rest of a JPEG or PNG that is cut short without a word."""
    if data[8:12] == b"WEBP":
        # OpenCV 5 refuses the WebP of a constant image, which is shorter than its header buffer
        padded = np.frombuffer(data.ljust(_SHORTEST_WEBP, b"\0"), np.uint8)
        return cast("NDArray[np.uint8] | None", cv2.imdecode(padded, cv2.IMREAD_GRAYSCALE))
    try:
        return np.asarray(cv2.cvtColor(decode_image(data), cv2.COLOR_RGB2GRAY), np.uint8)
    except InputError:
        return None


def _need_columns(path: Path, found: Iterable[str], needed: Sequence[str]) -> None:
    found = list(found)
    missing = [name for name in needed if name not in found]
    if missing:
        raise DatasetCorruptError(
            f"{path} has the columns {', '.join(found) or 'none'}; {', '.join(missing)} missing. Fetch the file again."
        )


def _numbered(n: int) -> NDArray[np.int64]:
    return np.arange(n, dtype=np.int64)


_FILES: dict[str, Callable[[Path], Table]] = {
    "fer2013.parquet": _read_parquet,
    "fer2013.csv": _read_csv,
    "icml_face_data.csv": _read_csv,
    "fer2013.npz": _read_npz,
}
