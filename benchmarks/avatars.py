"""How long drawn stills take, how many the default detector finds, how alike they are, how well a simple model tells them apart.

The model is a logistic regression on HOG features, trained on the characters of the training split and asked about those of the test split.

    python benchmarks/avatars.py [--n 10000] [--workers 2] [--sheet docs/avatars.png]

With --sheet it draws a sheet instead: a row for each character drawn by hand, a column for each expression.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.core.labels import FER8
from mien.datasets import Dataset, load_dataset
from mien.datasets.avatars.actions import manner
from mien.datasets.avatars.camera import Camera
from mien.datasets.avatars.people import NAMED
from mien.datasets.avatars.relief import Light
from mien.datasets.avatars.shots import draw, shot
from mien.datasets.avatars.view import Pose
from mien.faces import make_detector

CELL, MARGIN, HEAD = 112, 64, 22
NOWHERE = Path()


def cpu_s() -> float:
    """Processor time of this process and of those it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def timed(n: int, workers: int | None) -> None:
    start, start_cpu = time.perf_counter(), cpu_s()
    load_dataset("avatars", NOWHERE, n=n, workers=workers)
    wall, cpu = time.perf_counter() - start, cpu_s() - start_cpu
    print(f"stills of 48 px: {n:,} in {wall:.1f} s, {cpu:.1f} s of the processor ({1e3 * cpu / n:.1f} ms each)", end="; ")
    print(f"load of the machine {os.getloadavg()[0]:.1f}")


def found(n: int) -> None:
    dataset = load_dataset("avatars", NOWHERE, n=n, labels="fer8", size=288, channels=3, framing="portrait", seed=11)
    detector = make_detector("centerface")
    faces = [detector.detect(np.ascontiguousarray(image)) for image in dataset.images]
    scores = np.array([max((face.score for face in one), default=0.0) for one in faces])
    print(f"centerface on 288×288: {np.mean(scores > 0):.1%} of {n} found, median score {np.median(scores):.2f}, 5th percentile", end=" ")
    print(f"{np.quantile(scores, 0.05):.2f}; more than one face in {sum(len(one) > 1 for one in faces)}")


def alike(dataset: Dataset) -> None:
    flat = dataset.images.reshape(len(dataset), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    same = np.triu(flat @ flat.T, 1)
    print(f"most alike pair of {len(dataset):,}: correlation {same.max():.3f}; pairs over 0.95: {int((same > 0.95).sum())}")


def told(dataset: Dataset) -> None:
    from skimage.feature import hog
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features = np.stack([hog(image, orientations=8, pixels_per_cell=(6, 6), cells_per_block=(2, 2)) for image in dataset.images])
    train, test = dataset.split == "train", dataset.split == "test"
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.002, max_iter=300)).fit(features[train], dataset.targets[train])
    guesses = model.predict(features[test])
    right = guesses == dataset.targets[test]
    print(f"HOG + logistic regression, {train.sum()} → {test.sum()} of other characters: accuracy {right.mean():.3f} (chance {1 / 8:.3f})")
    for column, name in enumerate(FER8):
        print(f"  recall of {name:10} {right[dataset.targets[test] == column].mean():.2f}")


def sheet(path: Path) -> None:
    rows = [np.hstack([portrait(row, name) for name in FER8]) for row in range(len(NAMED))]
    body = np.vstack(rows)
    page = np.full((body.shape[0] + HEAD, body.shape[1] + MARGIN, 3), 255, np.uint8)
    page[HEAD:, MARGIN:] = body
    for column, name in enumerate(FER8):
        write(page, name, MARGIN + column * CELL + CELL // 2, 15)
    for row, who in enumerate(NAMED):
        write(page, who.name, MARGIN // 2, HEAD + row * CELL + CELL // 2)
    Image.fromarray(page).quantize(160, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def portrait(row: int, expression: str) -> NDArray[np.uint8]:
    rng = np.random.default_rng((40, row, FER8.index(expression)))
    style, who = manner(expression, rng), NAMED[row]
    taken = shot(rng, who)
    pose, light = taken.pose, Light(0.6 * taken.light.azimuth, 25.0, 0.55)
    turned = Pose(0.6 * pose.yaw, 0.5 * pose.pitch, 0.5 * pose.roll)
    clean = replace(taken, pose=turned, light=light, camera=Camera(0.94 + 0.06 * who.tone), zoom=0.85, shift=(0.0, 0.12), setting=7)
    return draw(who, style.at(1.0), clean, CELL, rng)[0]


def write(page: NDArray[np.uint8], text: str, x: int, y: int) -> None:
    (wide, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 1)
    cv2.putText(page, text, (x - wide // 2, y), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (40, 40, 40), 1, cv2.LINE_AA)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    if options.sheet:
        sheet(options.sheet)
        return
    timed(options.n, options.workers)
    found(400)
    dataset = load_dataset("avatars", NOWHERE, n=4000, labels="fer8", seed=5, characters=60)
    alike(dataset)
    told(dataset)


if __name__ == "__main__":
    main()
