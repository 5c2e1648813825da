"""The face model of the geometric framing: its proportions in photos, and whether faces agree in it.

Each photo shows one face (the surest is taken). d is the distance between the eyes; a frontal face has its nose within 0.15 d of the middle
between them. The face is cut with both framings, and found again in the cut. "Box alone" is the cut that the box gives, against the one
that the landmarks of the same face give, in widths of the cut.

    python benchmarks/geometric.py PHOTOS_DIR [--sheet FILE.png]
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.decode import decode_image
from mien.core.types import RGB, Face
from mien.faces import Detector, make_detector
from mien.faces.align import FER2013_LANDMARKS, cut, framing_of
from mien.preprocess import FRAMINGS, equalised, to_square

QUANTILES = (0.02, 0.05, 0.25, 0.5, 0.75, 0.95, 0.98)
SUFFIXES = (".jpg", ".jpeg", ".png")
COLUMNS, CELL = 8, 150
Found = list[tuple[RGB, Face]]


def found(detector: Detector, folder: Path) -> Found:
    pictures = [decode_image(path) for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
    pairs = [(image, faces[0]) for image in pictures if (faces := detector.detect(image))]
    print(f"{detector.name}: a face in {len(pairs)} of {len(pictures)} pictures")
    return pairs


def proportions(face: Face) -> tuple[float, ...]:
    """Nose aside, eyes to mouth, and the box's sides from the middle between the eyes (left, right, up, down), in d, along the eye line."""
    points = face.landmarks[:, 0] + 1j * face.landmarks[:, 1]
    middle, apart = (points[0] + points[1]) / 2, points[1] - points[0]
    x1, y1, x2, y2 = face.box_xyxy
    d = abs(apart)
    sides = ((middle.real - x1) / d, (x2 - middle.real) / d, (middle.imag - y1) / d, (y2 - middle.imag) / d)
    return ((points[2] - middle) / apart).real, abs((points[3] + points[4]) / 2 - middle) / d, *sides


def spread(name: str, values: NDArray[np.float64]) -> None:
    print(f"{name:34s}", "  ".join(f"{q:.0%} {v:+.3f}" for q, v in zip(QUANTILES, np.quantile(values, QUANTILES), strict=True)))


def report_proportions(pairs: Found) -> NDArray[np.bool_]:
    table = np.array([proportions(face) for _, face in pairs])
    frontal = np.abs(table[:, 0]) < 0.15
    for name, rows in (("all", table), ("frontal", table[frontal])):
        print(f"{name}: {len(rows)} faces, in d")
        for label, column in zip(("eyes to mouth", "box left", "box right", "box up", "box down"), rows.T[1:], strict=True):
            spread(f"  {label}", column)
    return frontal


def report_agreement(pairs: Found, detector: Detector) -> None:
    """Each face is found again in its cut, whose border is continued by a quarter of its width."""
    for framing, eyes_apart in (("fer2013", FER2013_LANDMARKS[1, 0] - FER2013_LANDMARKS[0, 0]), ("geometric", 0.5)):
        cuts = [cut(image, face, detector.box_framing, framing).image for image, face in pairs]
        padded = [cv2.copyMakeBorder(image, *[image.shape[1] // 4] * 4, cv2.BORDER_REPLICATE) for image in cuts]
        again = [(image, faces[0]) for image, faces in zip(cuts, map(detector.detect, padded), strict=True) if faces]
        points = np.array([(face.landmarks - image.shape[1] // 4) / image.shape[1] / eyes_apart for image, face in again])
        low, high = np.quantile(points, [0.16, 0.84], axis=0)
        print(f"{framing}: found again in {len(again)} of {len(cuts)}; half the way from 16 % to 84 %, in d; eyes, nose, mouth corners")
        print("  across", np.round((high - low)[:, 0] / 2, 3).tolist(), " down", np.round((high - low)[:, 1] / 2, 3).tolist())


def report_box(pairs: Found, detector: Detector) -> None:
    frames = [[framing_of(one, detector.box_framing, "geometric") for one in (face, replace(face, landmarks=None))] for _, face in pairs]
    spread("box alone: scale", np.array([abs(box.side / led.side) for led, box in frames]))
    middles = np.array([(box.corner + box.side * (0.5 + 0.75j) - led.corner - led.side * (0.5 + 0.75j)) / led.side for led, box in frames])
    spread("box alone: middle aside", middles.real)
    spread("box alone: middle down", middles.imag)


def sheet(pairs: Found, detector: Detector, path: Path) -> None:
    """Eight faces a row: the fer2013 cut, the geometric cut, and that as a network of 48 pixels sees it, equalised."""
    rows = []
    for start in range(0, len(pairs), COLUMNS):
        cells = [_cells(image, face, detector) for image, face in pairs[start : start + COLUMNS]]
        row = np.concatenate(cells, axis=1)
        rows.append(np.pad(row, ((0, 4), (0, COLUMNS * CELL - row.shape[1]), (0, 0))))
    cv2.imwrite(str(path), cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))


def _cells(image: RGB, face: Face, detector: Detector) -> RGB:
    square, tall = (cut(image, face, detector.box_framing, framing).image for framing in FRAMINGS)
    gray = equalised(to_square(cv2.cvtColor(tall, cv2.COLOR_RGB2GRAY), 48)[None])[0]
    seen = cv2.cvtColor(cv2.resize(gray, (CELL, CELL), interpolation=cv2.INTER_NEAREST), cv2.COLOR_GRAY2RGB)
    side = (CELL - tall.shape[1]) // 2
    return np.concatenate([to_square(square, CELL), np.pad(tall, ((0, 0), (side, side), (0, 0))), seen])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos_dir", type=Path)
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    detector = make_detector("centerface")
    pairs = found(detector, options.photos_dir)
    frontal = report_proportions(pairs)
    chosen = [pair for pair, is_frontal in zip(pairs, frontal, strict=True) if is_frontal]
    report_agreement(chosen, detector)
    report_box(chosen, detector)
    if options.sheet:
        sheet(pairs, detector, options.sheet)


if __name__ == "__main__":
    main()
