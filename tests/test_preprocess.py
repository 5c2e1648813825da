from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mien.core.errors import InputError
from mien.preprocess import Preprocessing

RNG = np.random.default_rng(0)


def test_no_crops_give_an_empty_batch() -> None:
    assert Preprocessing().to_input([]).shape == (0, 1, 48, 48)


def test_gray_of_the_right_size_passes_unchanged() -> None:
    crops = RNG.integers(0, 256, (3, 48, 48), np.uint8)
    np.testing.assert_array_equal(Preprocessing().to_input(crops)[:, 0], crops.astype(np.float32))


def test_colour_becomes_luma_of_rec_601() -> None:
    crop = RNG.integers(0, 256, (1, 48, 48, 3), np.uint8)
    expected = crop[0] @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(Preprocessing().to_input(crop)[0, 0], expected, atol=0.51)


def test_gray_and_gray_as_colour_agree() -> None:
    gray = RNG.integers(0, 256, (2, 90, 90), np.uint8)
    np.testing.assert_array_equal(Preprocessing().to_input(gray), Preprocessing().to_input(np.repeat(gray[..., None], 3, axis=3)))


def test_channels_keep_their_order() -> None:
    crop = np.zeros((1, 20, 20, 3), np.uint8)
    crop[..., 0] = 200
    out = Preprocessing(size=10, channels=3).to_input(crop)
    assert out.shape == (1, 3, 10, 10)
    assert (out[0, 0] == 200).all()
    assert (out[0, 1:] == 0).all()


def test_shrinking_averages_areas() -> None:
    crop = RNG.integers(0, 256, (96, 96), np.uint8)
    expected = np.asarray(Image.fromarray(crop).resize((48, 48), Image.Resampling.BOX), np.float32)
    np.testing.assert_allclose(Preprocessing().to_input([crop])[0, 0], expected, atol=1)


def test_sizes_may_differ_within_a_batch() -> None:
    crops = [np.full((60, 40), 7, np.uint8), np.full((20, 30, 3), 9, np.uint8)]
    out = Preprocessing().to_input(crops)
    assert (out[0] == 7).all()
    assert (out[1] == 9).all()


@pytest.mark.parametrize(
    "crop", [np.zeros((48, 48), np.float32), np.zeros((48, 48, 4), np.uint8), np.zeros((0, 48), np.uint8), np.zeros(48, np.uint8)]
)
def test_what_is_no_crop_is_refused(crop: np.ndarray) -> None:
    with pytest.raises(InputError, match="A crop is a uint8 array"):
        Preprocessing().to_input([crop])


@pytest.mark.parametrize(("size", "channels"), [(0, 1), (48, 2)])
def test_impossible_preprocessing(size: int, channels: int) -> None:
    with pytest.raises(InputError, match="received size"):
        Preprocessing(size, channels)
