"""How many faces does a detector find, where does it see one that is none, and how long does it take?

Close-ups: the 176 photos one by one; found is a face over 40 % of the height whose centre lies in the middle half.
Montages: the same photos, 6×5 to a picture of 1920×1080, each cell 320×216; "fit" holds a photo scaled to 216×216, "fill" one scaled to
320×320 and cut to 216 rows, which takes foreheads and chins away. Face-free: pictures that scikit-image ships, whole and 12 cuts of each.

    python benchmarks/detectors.py PHOTOS_DIR [--only centerface] [--json FILE]
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import skimage

from mien.core.decode import decode_image
from mien.core.types import RGB, Face
from mien.faces import make_detector

Find = Callable[[RGB], list[Face]]
ROWS, COLUMNS, HIGH, WIDE = 5, 6, 216, 320
FACE_FREE = """
brick.png cell.png chessboard_GRAY.png chessboard_RGB.png clock_motion.png coffee.png color.png grass.png gravel.png horse.png ihc.png
hubble_deep_field.jpg logo.png microaneurysms.png moon.png motorcycle_left.png page.png phantom.png retina.jpg rocket.jpg text.png
"""
ASKED = {
    "centerface, still (default)": ("centerface", {}, False),
    "centerface, video (default)": ("centerface", {}, True),
    **{f"centerface, input_size={n}": ("centerface", {"input_size": n}, False) for n in (256, 320, 384, 416, 512, 640, 960)},
    "cascade": ("cascade", {}, False),
}


def photos(folder: Path) -> list[RGB]:
    with (folder / "labels.csv").open(newline="") as table:
        return [decode_image(next(folder.rglob(row["image"]))) for row in csv.DictReader(table)]


def face_free() -> list[RGB]:
    folder = Path(skimage.__file__).parent / "data"
    return [decode_image(folder / name) for name in FACE_FREE.split() if (folder / name).is_file()]


def cuts(images: list[RGB], each: int) -> list[RGB]:
    rng, out = np.random.default_rng(0), []
    for image in images:
        for _ in range(each):
            side = int(rng.uniform(0.25, 0.9) * min(image.shape[:2]))
            y, x = (int(rng.integers(length - side + 1)) for length in image.shape[:2])
            out.append(np.ascontiguousarray(image[y : y + side, x : x + side]))
    return out


def montage(images: list[RGB], fill: bool) -> RGB:
    canvas = np.zeros((ROWS * HIGH, COLUMNS * WIDE, 3), np.uint8)
    for i, image in enumerate(images):
        y, x = (i // COLUMNS) * HIGH, (i % COLUMNS) * WIDE
        if fill:
            canvas[y : y + HIGH, x : x + WIDE] = cv2.resize(image, (WIDE, WIDE), interpolation=cv2.INTER_AREA)[52 : 52 + HIGH]
        else:
            canvas[y : y + HIGH, x + 52 : x + 52 + HIGH] = cv2.resize(image, (HIGH, HIGH), interpolation=cv2.INTER_AREA)
    return canvas


def middle(face: Face, width: float, height: float) -> bool:
    x1, y1, x2, y2 = face.box_xyxy
    return abs((x1 + x2) / 2 - width / 2) < width / 4 and abs((y1 + y2) / 2 - height / 2) < height / 4 and y2 - y1 > 0.4 * height


def moved(face: Face, dx: float, dy: float) -> Face:
    x1, y1, x2, y2 = face.box_xyxy
    return Face((x1 - dx, y1 - dy, x2 - dx, y2 - dy), face.score)


def found_in_montages(find: Find, images: list[RGB], fill: bool) -> int:
    found = 0
    for first in range(0, len(images), ROWS * COLUMNS):
        part = images[first : first + ROWS * COLUMNS]
        faces = find(montage(part, fill))
        cells = [((i % COLUMNS) * WIDE, (i // COLUMNS) * HIGH) for i in range(len(part))]
        found += sum(any(middle(moved(face, x, y), WIDE, HIGH) for face in faces) for x, y in cells)
    return found


def times_ms(find: Find, image: RGB, runs: int = 15) -> dict[str, float]:
    find(image)
    wall, cpu = [], []
    for _ in range(runs):
        start, start_cpu = time.perf_counter(), time.process_time()
        find(image)
        wall.append(1e3 * (time.perf_counter() - start))
        cpu.append(1e3 * (time.process_time() - start_cpu))
    return {"median": statistics.median(wall), "minimum": min(wall), "cpu": min(cpu)}


def row(find: Find, images: list[RGB], free: list[RGB], parts: list[RGB]) -> dict[str, object]:
    return {
        "close-ups": sum(any(middle(face, image.shape[1], image.shape[0]) for face in find(image)) for image in images),
        "fit": found_in_montages(find, images, fill=False),
        "fill": found_in_montages(find, images, fill=True),
        "n": len(images),
        "false in pictures": sum(len(find(image)) for image in free),
        "pictures": len(free),
        "false in cuts": sum(len(find(image)) for image in parts),
        "cuts": len(parts),
        "ms 1280×720": times_ms(find, cv2.resize(montage(images[:30], fill=False), (1280, 720), interpolation=cv2.INTER_AREA)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos_dir", type=Path)
    parser.add_argument("--only", default="", help="rows whose name holds this")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    cv2.setNumThreads(options.threads)
    images, free = photos(options.photos_dir), face_free()
    parts = cuts(free, 12)
    table = {}
    for name, (detector, settings, moving) in ASKED.items():
        if options.only in name:
            find = partial(make_detector(detector, **settings).detect, moving=moving)
            table[name] = row(find, images, free, parts)
            print(name, json.dumps(table[name], ensure_ascii=False), flush=True)
    if options.json:
        run = {"opencv": cv2.__version__, "threads": options.threads, "rows": table}
        options.json.write_text(json.dumps(run, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
