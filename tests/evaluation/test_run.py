from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.core.errors import DatasetAbsentError, InputError, LabelError, UnknownNameError
from mien.core.labels import FER7, FER8, LabelSet
from mien.datasets import Dataset
from mien.evaluation.run import evaluate, predict_all


@dataclass(frozen=True)
class FirstPixel:
    """Says the expression that the first pixel names, with confidence 0.7."""

    labels: LabelSet = FER7

    def predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        scores = np.full((len(crops), 7), 0.05, np.float32)
        scores[np.arange(len(crops)), crops[:, 0, 0] % 7] = 0.7
        return scores


def data() -> Dataset:
    """Forty test images, of which every fourth is a twin of a training image; the model errs on odd ids that are no twins."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (80, 4, 4), np.uint8)
    images[40::4] = images[0:40:4]
    ids = np.arange(80)
    targets = images[:, 0, 0].astype(np.int64) % 7
    wrong = (ids % 2 == 1) & (ids >= 40)
    split = np.where(ids < 40, "train", "test")
    return Dataset("forty", FER7, images, np.where(wrong, (targets + 1) % 7, targets), split, ids)


def test_the_clean_figures_leave_out_what_training_has_seen() -> None:
    found = evaluate(FirstPixel(), data(), "private", batch=7)
    assert (found.dataset, found.split, found.overall.n) == ("forty", "test", 40)
    assert found.overall.accuracy == pytest.approx(0.5)
    assert found.clean is not None
    assert (found.clean.n, found.clean.accuracy) == (30, pytest.approx(1 / 3))
    plain = json.loads(json.dumps(found.to_dict()))
    assert (plain["dataset"], plain["split"], plain["overall"]["n"], plain["clean"]["n"]) == ("forty", "test", 40, 30)


def test_rows_without_a_label_are_left_out() -> None:
    whole = data()
    targets = whole.targets.copy()
    targets[40:50] = -1
    assert evaluate(FirstPixel(), replace(whole, targets=targets), "test").overall.n == 30


def test_twins_in_the_split_are_resampled_as_one() -> None:
    whole = data()
    images = whole.images.copy()
    images[41] = images[42] = images[43]
    assert evaluate(FirstPixel(), replace(whole, images=images), "test").overall.groups == 38


@pytest.mark.parametrize(
    ("split", "rows", "clean"), [("train", slice(None), True), ("test", slice(40, None), True), ("test", slice(None), False)]
)
def test_no_clean_figures_where_they_mean_nothing(split: str, rows: slice, clean: bool) -> None:
    part = data().take(np.arange(80)[rows])
    assert evaluate(FirstPixel(), part, split, clean=clean).clean is None


def test_progress_counts_images() -> None:
    seen: list[tuple[int, int]] = []
    evaluate(FirstPixel(), data(), "test", batch=16, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(16, 40), (32, 40), (40, 40)]


def test_label_sets_have_to_be_the_same() -> None:
    with pytest.raises(LabelError, match=r"Load the model with labels=dataset\.labels"):
        evaluate(FirstPixel(FER8), data(), "test")


def test_a_split_without_rows_is_named() -> None:
    with pytest.raises(DatasetAbsentError, match="'validation'; it has train 40, validation 0, test 40"):
        evaluate(FirstPixel(), data(), "public")
    with pytest.raises(UnknownNameError, match="split"):
        evaluate(FirstPixel(), data(), "dev")


def test_batches_hold_something() -> None:
    with pytest.raises(InputError, match="at least one"):
        predict_all(FirstPixel(), data().images, batch=0)
    assert predict_all(FirstPixel(), data().images[:0]).shape == (0, 7)
