from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import UnknownNameError
from mien.core.labels import FER7
from mien.datasets import Dataset, load_dataset
from mien.datasets.twins import clean_test_mask, exact_twins
from tests.datasets import fakes


def test_twins_share_a_number_exactly_when_all_pixels_are_equal() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 4), np.uint8)
    images[3] = images[1]
    images[4] = images[0]
    images[4, 3, 3] ^= 1
    assert exact_twins(images).tolist() == [0, 1, 2, 1, 3]
    assert exact_twins(images[:0]).shape == (0,)


def test_the_clean_mask_leaves_out_what_training_has_seen() -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 4, 4), np.uint8)
    images[4] = images[0]
    images[5] = images[2]
    split = np.array(["train", "train", "validation", "validation", "test", "test"])
    data = Dataset("six", FER7, images, np.zeros(6, np.int64), split, np.arange(6))
    assert clean_test_mask(data).tolist() == [False] * 5 + [True]
    assert clean_test_mask(data, "public").tolist() == [False, False, True, True, False, False]
    with pytest.raises(UnknownNameError):
        clean_test_mask(data, "dev")


def test_training_images_that_the_protocol_drops_have_been_seen_too(tmp_path: Path) -> None:
    data = fakes.fake()
    data.images[13] = data.images[0]
    data.votes[0] = [5, 5, 0, 0, 0, 0, 0, 0, 0, 0]
    data.votes[12:] = [10, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    fakes.write_parquet(tmp_path, data)
    kept = load_dataset("ferplus", tmp_path, labels_from="fer2013new.csv", verify=False)
    assert 0 not in kept.ids
    mask = dict(zip(kept.ids.tolist(), clean_test_mask(kept).tolist(), strict=True))
    assert (mask[12], mask[13]) == (True, False)


@pytest.mark.slow
def test_what_leaks_in_the_published_set(data_dir: Path) -> None:
    data = load_dataset("fer2013", data_dir)
    assert int((data.split == "validation").sum() - clean_test_mask(data, "validation").sum()) == 279
    assert int((data.split == "test").sum() - clean_test_mask(data).sum()) == 288
    assert len(np.unique(exact_twins(data.images))) == 34_036
