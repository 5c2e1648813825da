"""Do whole pictures and the data set's own crops get the same answer?

FER2013's PublicTest images are enlarged four times and continued by their mirror image to a picture of 512×512, so that the detector has
to find the face and the alignment has to cut it again as the data set framed it. Needs the data set.

    python benchmarks/agreement.py DATA_DIR [--model default] [--detector centerface] [--count 600]
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np
from numpy.typing import NDArray

import mien
from mien.core.types import RGB
from mien.datasets.base import load_dataset
from mien.faces import Detector, make_detector
from mien.faces.align import cut

ENLARGED = 192
SIDE = 512


def picture_of(crop: NDArray[np.uint8]) -> RGB:
    """The crop in the middle of a larger picture."""
    large = cv2.resize(crop, (ENLARGED, ENLARGED), interpolation=cv2.INTER_CUBIC)
    border = (SIDE - ENLARGED) // 2
    return cv2.cvtColor(cv2.copyMakeBorder(large, border, border, border, border, cv2.BORDER_REFLECT), cv2.COLOR_GRAY2RGB)


def central_crop(detector: Detector, image: RGB) -> RGB | None:
    """The face whose centre is nearest to the middle, cut; None where the middle quarter holds none."""
    faces = detector.detect(image)
    away = [np.abs(np.reshape(face.box_xyxy, (2, 2)).mean(0) - SIDE / 2).max() for face in faces]
    if not faces or min(away) > ENLARGED / 4:
        return None
    return cut(image, faces[int(np.argmin(away))], detector.box_framing).image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir")
    parser.add_argument("--model", default="default")
    parser.add_argument("--detector", default="centerface")
    parser.add_argument("--count", type=int, default=600)
    options = parser.parse_args()
    dataset = load_dataset("ferplus", options.data_dir).subset("validation")
    rows = np.random.default_rng(0).permutation(len(dataset))[: options.count]
    images, truth = dataset.images[rows], dataset.targets[rows]
    detector, model = make_detector(options.detector), mien.load_model(options.model, dataset.labels)
    crops = [central_crop(detector, picture_of(image)) for image in images]
    found = np.array([crop is not None for crop in crops])
    own = model.predict(images[found])
    cut_again = model.predict([crop for crop in crops if crop is not None])
    same = own.argmax(1) == cut_again.argmax(1)
    truth = truth[found]
    print(f"{options.detector}, {options.model}, FER+ PublicTest, n = {len(images)}: face found in {found.mean():.1%}")
    distance = np.abs(own - cut_again).sum(1).mean() / 2
    first, second = (float((scores.argmax(1) == truth).mean()) for scores in (own, cut_again))
    print(f"  same label {same.mean():.1%}, mean total variation of the scores {distance:.3f}")
    print(f"  accuracy on the data set's crops {first:.1%}, on crops cut again {second:.1%}")


if __name__ == "__main__":
    main()
