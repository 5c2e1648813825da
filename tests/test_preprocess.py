from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mien.artifact import load_model, read_card
from mien.card import Card, Head
from mien.core.errors import ArtifactError, InputError, UnknownNameError
from mien.core.labels import FER8
from mien.faces.align import cut
from mien.faces.centerface import CenterFace
from mien.preprocess import FRAMINGS, Preprocessing, check_framing, equalised, to_square

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


def test_equalising_flattens_the_histogram_as_the_formula_says() -> None:
    """Gray level r becomes 255 · (pixels up to r − pixels of the darkest level) / (all pixels − those of the darkest level)."""
    image = (RNG.normal(90, 12, (60, 50)).clip(40, 140)).astype(np.uint8)
    up_to = np.bincount(image.ravel(), minlength=256).cumsum()
    darkest = up_to[image.min()]
    expected = 255 * (up_to[image] - darkest) / (image.size - darkest)
    [out] = equalised(image[None])
    np.testing.assert_allclose(out, expected, atol=0.51)
    assert (out.min(), out.max()) == (0, 255)


@pytest.mark.parametrize("shape", [(2, 30, 20), (2, 30, 20, 3)])
def test_an_image_of_one_value_stays_as_it_is(shape: tuple[int, ...]) -> None:
    images = np.full(shape, 77, np.uint8)
    np.testing.assert_array_equal(equalised(images), images)


def test_each_image_is_equalised_for_itself_and_none_is_changed() -> None:
    images = RNG.integers(50, 90, (3, 20, 20, 3), np.uint8)
    before = images.copy()
    out = equalised(images)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(out[1], equalised(images[1:2])[0])
    assert equalised(images[:0]).shape == (0, 20, 20, 3)


def test_equalising_takes_light_and_contrast_away() -> None:
    bright = np.repeat(np.arange(0, 240, 4, dtype=np.uint8)[None], 60, axis=0)
    dim = (bright // 4 + 10).astype(np.uint8)
    np.testing.assert_array_equal(*equalised(np.stack([bright, dim])))


def test_colour_is_equalised_in_its_luma() -> None:
    gray = RNG.integers(60, 120, (1, 30, 30), np.uint8)
    np.testing.assert_array_equal(equalised(np.repeat(gray[..., None], 3, axis=3))[..., 1], equalised(gray))
    colour = np.clip(gray[..., None] + np.array([25, 0, -25]), 0, 255).astype(np.uint8)
    hue = [cv2.cvtColor(images[0], cv2.COLOR_RGB2YCrCb)[..., 1:].astype(int) for images in (colour, equalised(colour))]
    unclipped = (equalised(colour)[0] > 0).all(axis=2) & (equalised(colour)[0] < 255).all(axis=2)
    assert unclipped.sum() > 400
    assert np.abs(hue[0] - hue[1])[unclipped].max() <= 2


@pytest.mark.parametrize(("channels", "shape"), [(1, (4, 48, 48)), (3, (4, 48, 48, 3))])
def test_training_and_use_equalise_alike(channels: int, shape: tuple[int, ...]) -> None:
    """Training equalises its stored images as one array; use equalises crops one by one, on their way to the network."""
    images = RNG.integers(30, 150, shape, np.uint8)
    trained = equalised(images)[:, None] if channels == 1 else equalised(images).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(Preprocessing(48, channels, equalise=True).to_input(images), trained.astype(np.float32))


def test_gray_levels_are_normalised_at_the_size_of_the_network() -> None:
    crop = RNG.integers(0, 256, (150, 100, 3), np.uint8)
    small = to_square(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), 48)
    np.testing.assert_array_equal(Preprocessing(equalise=True).to_input([crop])[0, 0], equalised(small[None])[0])


@pytest.mark.parametrize(
    "images",
    [np.zeros((48, 48), np.uint8), np.zeros((2, 48, 48), np.float32), np.zeros((2, 48, 48, 4), np.uint8), np.zeros((2, 0, 48), np.uint8)],
)
def test_what_can_not_be_equalised_is_refused(images: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"A single image is images\[None\]"):
        equalised(images)


def test_framings_have_names() -> None:
    assert [check_framing(name) for name in FRAMINGS] == ["fer2013", "geometric"]
    with pytest.raises(UnknownNameError, match="Did you mean geometric"):
        Preprocessing(framing="geometrical")
    with pytest.raises(InputError, match="equalise is true or false; received 1"):
        Preprocessing(equalise=1)  # type: ignore[arg-type]


def test_a_card_keeps_framing_and_gray_levels() -> None:
    card = Card("m", "1", (Head("out", FER8),), Preprocessing(48, 1, True, "geometric"), "made up", "none")
    assert Card.from_dict(card.to_dict()) == card
    wrong = card.to_dict()
    wrong["preprocessing"]["framing"] = "oval"
    with pytest.raises(ArtifactError, match="Unknown framing 'oval'"):
        Card.from_dict(wrong)


def test_a_card_of_before_the_framings_is_read_as_it_was_meant() -> None:
    data = Card("m", "1", (Head("out", FER8),), Preprocessing(), "made up", "none").to_dict()
    data["preprocessing"] = {"size": 48, "channels": 1}
    assert Card.from_dict(data).preprocessing == Preprocessing(48, 1, False, "fer2013")


def test_the_network_gives_the_numbers_it_always_gave(portrait: NDArray[np.uint8]) -> None:
    """Logits of its first form, for the portrait's face and for a pattern."""
    assert read_card("default").preprocessing == Preprocessing(48, 1, False, "fer2013")
    detector = CenterFace()
    [face] = detector.detect(portrait)
    y, x = np.mgrid[0:60, 0:60]
    pattern = ((x * 3 + y * y // 16) % 256).astype(np.uint8)
    logits = load_model("miennet", threads=1).logits([cut(portrait, face, detector.box_framing).image, pattern])
    expected = [
        [-0.4184, 8.6076, -0.3441, -1.6910, -1.2201, -2.4122, -1.3040, -1.2943],
        [2.4625, 1.5848, -0.6343, 0.6264, 0.9896, -1.5213, -1.6643, -1.9180],
    ]
    np.testing.assert_allclose(logits, expected, atol=5e-3)
