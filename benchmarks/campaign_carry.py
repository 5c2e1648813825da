"""What a campaign needs and makes, in few files that travel to a machine that nothing else can be brought to, and back.

    python benchmarks/campaign_carry.py data DATA FILE          FER2013 and the votes of FER+, without the pictures of PrivateTest
    python benchmarks/campaign_carry.py undata FILE DATA        … as a folder that mien reads
    python benchmarks/campaign_carry.py out OUT FOLDER [--mb 60]    a campaign so far, in files of at most 15 MB
    python benchmarks/campaign_carry.py unout FOLDER OUT        … as it was, to go on with or to look at

The pictures are sheets of JPEG 2000, lossless, which takes 1.6 KB a picture, 52 MB in all; those of PrivateTest are black, so that no run
there can read them. Of a campaign its figures, logs and recipes come first, then the weights that later stages or people want, then what
unfinished runs go on from; what does not fit into --mb stays behind, and is named.
"""

from __future__ import annotations

import argparse
import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from campaign_plan import UNIT
from numpy.typing import NDArray

from mien.core.errors import InputError, MienError
from mien.core.files import write_bytes
from mien.datasets.fer2013_layouts import read_table
from mien.training.network import BEST
from mien.training.parts import ARTIFACT
from mien.training.run import CHECKPOINT

ACROSS, DOWN, SIDE = 32, 64, 48
PART = 15_000_000
SMALL = ("*.csv", "*.md", "*.json", "**/*.json", "**/*.csv")
ASIDE = (ARTIFACT, BEST)


def pack_data(data: Path, path: Path) -> None:
    """Write the pictures and codes of FER2013 and the label files of FER+ into one file. Raises as the data sets' readers do."""
    table = read_table(data)
    images = np.where((table.usage == "PrivateTest")[:, None, None], 0, table.images).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as file:
        for number, start in enumerate(range(0, len(images), ACROSS * DOWN)):
            file.writestr(f"{number:03d}.jp2", _sheet(images[start : start + ACROSS * DOWN]))
        columns = io.BytesIO()
        np.savez_compressed(columns, emotion=table.codes, usage=table.usage, **({} if table.votes is None else {"votes": table.votes}))
        file.writestr("columns.npz", columns.getvalue())
        for label in sorted((data / "ferplus").rglob("*.csv")):
            file.write(label, label.relative_to(data).as_posix(), zipfile.ZIP_DEFLATED)


def _sheet(images: NDArray[np.uint8]) -> bytes:
    full = np.zeros((ACROSS * DOWN, SIDE, SIDE), np.uint8)
    full[: len(images)] = images
    sheet = full.reshape(DOWN, ACROSS, SIDE, SIDE).transpose(0, 2, 1, 3).reshape(DOWN * SIDE, ACROSS * SIDE)
    _, coded = cv2.imencode(".jp2", sheet, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])
    if not np.array_equal(cv2.imdecode(coded, cv2.IMREAD_UNCHANGED), sheet):
        raise InputError("This OpenCV does not write JPEG 2000 without loss. Carry the data set's own file.")
    return coded.tobytes()


def unpack_data(path: Path, data: Path) -> None:
    """Write what `pack_data` packed as fer2013.npz and the folder ferplus."""
    data.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path) as file:
        sheets = [np.frombuffer(file.read(name), np.uint8) for name in sorted(file.namelist()) if name.endswith(".jp2")]
        pictures = [cv2.imdecode(sheet, cv2.IMREAD_UNCHANGED).reshape(DOWN, SIDE, ACROSS, SIDE).transpose(0, 2, 1, 3) for sheet in sheets]
        with np.load(io.BytesIO(file.read("columns.npz"))) as columns:
            told = dict(columns)
        pixels = np.concatenate(pictures).reshape(-1, SIDE, SIDE)[: len(told["emotion"])]
        np.savez(data / "fer2013.npz", pixels=pixels, **told)
        file.extractall(data, [name for name in file.namelist() if name.endswith(".csv")])


def pack_out(out: Path, folder: Path, room: int) -> list[Path]:
    """Write what is in a campaign's folder into files of at most PART bytes, `room` bytes in all; gives what stays behind."""
    packed, left = io.BytesIO(), []
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path in _in_order(out):
            if packed.tell() + path.stat().st_size + 2048 > room:
                left.append(path)
            else:
                archive.add(path, path.relative_to(out).as_posix())
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("part-*"):
        old.unlink()
    data = packed.getvalue()
    starts = range(0, len(data), PART)
    for number, start in enumerate(starts, 1):
        write_bytes(folder / f"part-{number:02d}-of-{len(starts):02d}", data[start : start + PART])
    return left


def _in_order(out: Path) -> Iterator[Path]:
    """Small files; weights of units that have artifacts; checkpoints of unfinished runs. Curves are drawn again where they are wanted."""
    yield from dict.fromkeys(path for pattern in SMALL for path in sorted(out.glob(pattern)))
    whole = sorted(path.parent for path in out.rglob(ARTIFACT))
    yield from (folder / name for folder in sorted(whole, key=_weight) for name in ("curve.png", *ASIDE) if (folder / name).is_file())
    begun = sorted(path.parent for path in out.rglob(CHECKPOINT) if not (path.parent / UNIT).is_file())
    yield from (folder / name for folder in begun for name in (CHECKPOINT, BEST) if (folder / name).is_file() and folder not in whole)


def _weight(folder: Path) -> int:
    return (folder / ARTIFACT).stat().st_size


def unpack_out(folder: Path, out: Path) -> None:
    """Write what `pack_out` packed into a campaign's folder. Raises InputError where it is not whole."""
    parts = sorted(folder.glob("part-*"))
    try:
        if not parts or len(parts) != int(parts[-1].name[-2:]):
            raise OSError(f"{len(parts)} files are there")
        data = b"".join(path.read_bytes() for path in parts)
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(out, filter="data")
    except (tarfile.TarError, OSError) as error:
        raise InputError(
            f"{folder} holds no whole pack of a campaign ({error}). Bring all of its files part-01-of-…, part-02-of-…"
        ) from error


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["data", "undata", "out", "unout"])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--mb", type=float, default=60.0)
    asked = parser.parse_args()
    try:
        if asked.command == "out":
            for path in pack_out(asked.source, asked.target, int(asked.mb * 1e6)):
                print(f"stays behind: {path}")
        else:
            {"data": pack_data, "undata": unpack_data, "unout": unpack_out}[asked.command](asked.source, asked.target)
        return 0
    except MienError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    raise SystemExit(main())
