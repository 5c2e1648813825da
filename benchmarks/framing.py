"""Where do faces lie in FER2013's images, how much does that vary, and does the crop of a face come out framed like them?

FER2013 Training images are enlarged four times, continued by their mirror image by a quarter of the side, and shown to the detector; the
face nearest to the middle is kept. Figures are fractions of the image's side.

    python benchmarks/framing.py DATA_DIR [--count 3000] [--detector centerface]
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from mien.core.types import RGB, Face
from mien.faces import Detector, make_detector
from mien.faces.align import cut, framing_of

SIDE, TIMES, BORDER = 48, 4, 12
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def training_images(data_dir: Path, count: int) -> list[NDArray[np.uint8]]:
    table = pd.read_parquet(data_dir / "fer2013.parquet", columns=["image", "usage"])
    rows = table[table.usage == "Training"].sample(count, random_state=0)
    return [np.asarray(Image.open(io.BytesIO(data)).convert("L")) for data in rows.image]


def picture(image: NDArray[np.uint8]) -> RGB:
    large = cv2.resize(image, None, fx=TIMES, fy=TIMES, interpolation=cv2.INTER_CUBIC)
    return cv2.cvtColor(cv2.copyMakeBorder(large, *[BORDER * TIMES] * 4, cv2.BORDER_REFLECT_101), cv2.COLOR_GRAY2RGB)


def to_fractions(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return (points / TIMES - BORDER) / SIDE


def central(detector: Detector, image: RGB) -> Face | None:
    def away(face: Face) -> float:
        return float(np.abs(to_fractions(np.reshape(face.box_xyxy, (2, 2)).mean(0)) - 0.5).max())

    faces = [face for face in detector.detect(image) if away(face) < 0.25 and face.size > 0.5 * SIDE * TIMES]
    return min(faces, key=away, default=None)


def spread(name: str, values: NDArray[np.float64]) -> None:
    print(f"{name:28s}", "  ".join(f"{q:.0%} {v:+.3f}" for q, v in zip(QUANTILES, np.quantile(values, QUANTILES), strict=True)))


def report_frames(faces: list[Face], detector: Detector) -> None:
    frames = [framing_of(face, detector.box_framing) for face in faces]
    side = np.array([frame.side for frame in frames]) / (SIDE * TIMES)
    corner = np.array([frame.corner for frame in frames])
    centre = to_fractions(np.stack([corner.real, corner.imag], 1)) + np.stack([(side * (1 + 1j)).real, (side * (1 + 1j)).imag], 1) / 2
    print("The crop against the image it should be:")
    spread("scale (crop / image)", np.abs(side))
    spread("rotation in degrees", np.angle(side, deg=True))
    spread("shift across", centre[:, 0] - 0.5)
    spread("shift down", centre[:, 1] - 0.5)


def difference(detector: Detector, image: NDArray[np.uint8], face: Face) -> float:
    crop = cut(picture(image), face, detector.box_framing).image[..., 0]
    return float(np.abs(cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(int) - image).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--detector", default="centerface")
    options = parser.parse_args()
    detector = make_detector(options.detector)
    images = training_images(options.data_dir, options.count)
    pairs = [(image, face) for image in images if (face := central(detector, picture(image))) is not None]
    faces = [face for _, face in pairs]
    print(f"{detector.name}: {len(faces)} of {len(images)} found")
    print("box, medians", np.round(np.median([to_fractions(np.reshape(face.box_xyxy, (2, 2))).ravel() for face in faces], axis=0), 3))
    if all(face.landmarks is not None for face in faces):
        points = to_fractions(np.array([face.landmarks for face in faces]))
        mirrored = points[:, [1, 0, 2, 4, 3]] * [-1, 1] + [1, 0]
        print("landmarks, medians", np.round(np.median(points.astype(float), axis=0), 3).tolist())
        print("landmarks, medians with the mirror images", np.round(np.median(np.concatenate([points, mirrored]), axis=0), 3).tolist())
    report_frames(faces, detector)
    spread("mean gray-level difference", np.array([difference(detector, image, face) for image, face in pairs]))


if __name__ == "__main__":
    main()
