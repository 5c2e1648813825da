"""Whole photographs end to end: how often is a face found, and does its label agree with the photo's?

Of several faces the largest counts. A photo without a face counts as wrong in the second figure of agreement.

    python benchmarks/photos.py PHOTOS_DIR [--model default] [--detector centerface]

PHOTOS_DIR holds the photos and labels.csv with the columns image, expression.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from pathlib import Path

import mien


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--detector", default="centerface")
    options = parser.parse_args()
    with (options.photos / "labels.csv").open(newline="") as table:
        rows = [(options.photos / row["image"], row["expression"].lower()) for row in csv.DictReader(table)]
    results = mien.analyze([path for path, _ in rows], model=options.model, detector=options.detector)
    said = []
    for source in results.sources:
        faces = [face for frame in source.frames for face in frame.faces]
        said.append(max(faces, key=lambda face: face.face.size).prediction.label if faces else None)
    pairs = [(truth, label) for (_, truth), label in zip(rows, said, strict=True)]
    found = sum(label is not None for _, label in pairs)
    right = sum(truth == label for truth, label in pairs)
    print(f"{options.detector}, {options.model}, n = {len(pairs)} photos, errors {len(results.errors)}")
    print(f"  a face found in {found} ({found / len(pairs):.1%})")
    print(f"  label agrees in {right}: {right / found:.1%} of those with a face, {right / len(pairs):.1%} of all")
    for name, n in Counter(truth for truth, _ in pairs).most_common():
        print(f"  {name:10} {sum(truth == label == name for truth, label in pairs)} of {n}")


if __name__ == "__main__":
    main()
