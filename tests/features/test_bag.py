from __future__ import annotations

import cv2
import numpy as np
import pytest
from mahotas.features import surf
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from mien.core.errors import OptionError
from mien.features.bag import BagOfWords, pyramid_counts
from mien.features.keypoints import WIDTHS, at_keypoints, on_grid
from mien.features.vocabulary import Reservoir, nearest, words_of

SMALL = {"words": 12, "size": 128, "sample": 5000}


@pytest.fixture(scope="module")
def bag(faces: NDArray[np.uint8]) -> BagOfWords:
    return BagOfWords(**SMALL).fit(faces)


def by_hand(kind: str, picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """All descriptors of a picture, by the libraries' own calls."""
    big = cv2.resize(picture, (128, 128), interpolation=cv2.INTER_LINEAR)
    if kind == "surf":
        return surf.surf(big, 4, 4, 2, 0.1)[:, 6:]
    finder = cv2.SIFT.create() if kind == "sift" else cv2.ORB.create()
    found = finder.detectAndCompute(big, None)[1]
    return np.zeros((0, WIDTHS[kind])) if found is None else found.astype(float)


def test_histograms_and_standardisation_are_those_of_the_algorithms(bag: BagOfWords, faces: NDArray[np.uint8]) -> None:
    """Algorithm 2 read word for word: for each descriptor of each picture, the nearest word counts one more."""
    expected = np.zeros((24, 36))
    for i, picture in enumerate(faces):
        for k, kind in enumerate(("sift", "surf", "orb")):
            for descriptor in by_hand(kind, picture):
                distances = [np.sqrt(np.sum((descriptor - word) ** 2)) for word in bag.vocabularies_[kind].astype(float)]
                expected[i, 12 * k + int(np.argmin(distances))] += 1
    np.testing.assert_array_equal(bag.histograms(faces), expected)
    assert expected.sum(axis=0).min() > 0
    standardised = (expected - expected.mean(axis=0)) / expected.std(axis=0)
    np.testing.assert_allclose(bag.transform(faces), standardised, atol=1e-5)


def test_words_are_the_means_of_the_descriptors_nearest_to_them(faces: NDArray[np.uint8]) -> None:
    """Algorithm 1: the vocabulary is where k-means comes to rest, or next to it, on all descriptors of all pictures."""
    values = np.concatenate([by_hand("orb", picture) for picture in faces]).astype(np.float32)
    words = words_of(values, 12, 0, "ORB")
    means = np.stack([values[nearest(values, words) == k].mean(axis=0) for k in range(12)])
    spread = np.linalg.norm(values - values.mean(axis=0), axis=1).mean()
    assert np.linalg.norm(words - means, axis=1).max() < 0.1 * spread


@pytest.mark.slow
def test_one_vector_a_picture_whatever_the_company_and_the_processes(bag: BagOfWords, faces: NDArray[np.uint8]) -> None:
    whole = bag.transform(faces)
    np.testing.assert_array_equal(np.concatenate([bag.transform(faces[i : i + 7]) for i in range(0, 24, 7)]), whole)
    many, alone = np.concatenate([faces] * 4), BagOfWords(("sift", "surf"), 12, 96)
    apart = clone(alone).set_params(n_jobs=2).fit(many)
    np.testing.assert_array_equal(apart.transform(many), alone.fit_transform(many))


def test_default_is_the_papers_750(faces: NDArray[np.uint8]) -> None:
    names = BagOfWords().get_feature_names_out()
    assert (len(names), names[0]) == (750, "bagofwords0")


def test_a_picture_without_keypoints_is_a_zero_histogram_and_counted(faces: NDArray[np.uint8]) -> None:
    flat = np.concatenate([faces, np.full((3, 48, 48), 128, np.uint8)])
    bag = BagOfWords(**SMALL)
    vectors = bag.fit_transform(flat)
    assert not bag.histograms(flat)[-3:].any()
    assert min(bag.blank_.values()) == 3
    assert bag.blank(vectors[-3:]) == {"sift": 3, "surf": 3, "orb": 3}
    assert np.isfinite(vectors).all()


def test_a_grid_looks_everywhere_and_a_pyramid_says_where(faces: NDArray[np.uint8]) -> None:
    bag = BagOfWords(("sift", "surf"), 5, 96, grid=12, diameters=(6.0, 9.0), pyramid=(1, 2), standardise=False).fit(faces)
    whole, quarters = np.split(bag.transform(faces).reshape(24, 2, 25), [5], axis=2)
    np.testing.assert_array_equal(whole.sum(axis=2), 2 * 64)
    np.testing.assert_array_equal(quarters.reshape(24, 2, 4, 5).sum(axis=2), whole)
    np.testing.assert_array_equal(quarters.reshape(24, 2, 4, 5).sum(axis=3), 32)


def test_orb_sees_what_is_not_too_near_to_the_border(faces: NDArray[np.uint8]) -> None:
    values, places = on_grid("orb", cv2.resize(faces[0], (224, 224)), 16, (16.0, 24.0))
    assert values.shape == (100, 32)
    assert places.min() * 224 > 31


@pytest.mark.parametrize("kind", WIDTHS)
def test_flat_pictures_have_no_keypoints(kind: str) -> None:
    values, places = at_keypoints(kind, np.full((64, 64), 7, np.uint8))
    assert (values.shape, places.shape) == ((0, WIDTHS[kind]), (0, 2))


@pytest.mark.parametrize(
    ("norm", "expected"), [("none", [3, 1, 0]), ("l1", [0.75, 0.25, 0]), ("root", [0.75**0.5, 0.5, 0]), ("presence", [1, 1, 0])]
)
def test_norms(norm: str, expected: list[float], monkeypatch: pytest.MonkeyPatch, faces: NDArray[np.uint8]) -> None:
    bag = BagOfWords(("orb",), 3, 64, norm=norm, standardise=False)
    bag.vocabularies_ = {"orb": np.array([[0.0] * 32, [100.0] * 32, [255.0] * 32], np.float32)}
    bag.mean_, bag.scale_ = np.zeros(3), np.ones(3)
    found = np.array([[1.0] * 32, [2.0] * 32, [90.0] * 32, [3.0] * 32], np.float32), np.full((4, 2), 0.5, np.float32)
    monkeypatch.setattr("mien.features.bag.at_keypoints", lambda *_: found)
    np.testing.assert_allclose(bag.transform(faces[:1])[0], expected, rtol=1e-6)


def test_pyramid_counts_by_cell() -> None:
    places = np.array([[0.1, 0.1], [0.9, 0.1], [1.0, 1.0], [0.2, 0.7]], np.float32)
    counts = pyramid_counts(np.array([0, 1, 1, 0]), places, 2, (1, 2))
    assert counts.tolist() == [2, 2, 1, 0, 0, 1, 1, 0, 0, 1]
    assert pyramid_counts(np.zeros(0, np.int64), np.zeros((0, 2), np.float32), 2, (1,)).tolist() == [0, 0]


def test_a_reservoir_is_an_even_sample_of_the_stream() -> None:
    held = []
    for seed in range(300):
        sample = Reservoir(10, seed)
        for start in range(0, 100, 7):
            sample.add(np.arange(start, min(start + 7, 100))[:, None])
        assert len(sample.rows) == len(np.unique(sample.rows)) == 10
        held.append(sample.rows[:, 0])
    counts = np.bincount(np.concatenate(held), minlength=100)  # 30 of each are expected, ± 5.2
    assert counts.min() > 10
    assert counts.max() < 55
    assert abs(np.concatenate(held).mean() - 49.5) < 2


def test_a_short_stream_is_held_whole() -> None:
    sample = Reservoir(10, 0)
    sample.add(np.arange(4.0).reshape(2, 2))
    assert sample.rows.tolist() == [[0, 1], [2, 3]]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"kinds": ()}, "kinds is one or more of sift, surf, orb"),
        ({"kinds": ("sift", "sift")}, "kinds is one or more"),
        ({"kinds": ("brisk",)}, "one of sift, surf, orb; received 'brisk'"),
        ({"words": 1}, "words is 2 or more"),
        ({"grid": 0}, "grid is none, or a step of 1 to 128"),
        ({"diameters": (0.0,)}, "diameters is one or more, above 0"),
        ({"pyramid": (0,)}, "pyramid is one or more"),
        ({"norm": "l2"}, "norm is one of none, l1, root, presence"),
        ({"sample": 5}, "sample is at least as many as words, 12"),
        ({"words": 4000, "kinds": ("sift",)}, "different SIFT descriptors, too few for 4,000 words"),
    ],
)
def test_a_parameter_out_of_range_is_told(changes: dict[str, object], told: str, faces: NDArray[np.uint8]) -> None:
    with pytest.raises(OptionError, match=told):
        BagOfWords(**(SMALL | changes)).fit(faces[:6])


def test_unfitted_it_says_so(faces: NDArray[np.uint8]) -> None:
    with pytest.raises(NotFittedError):
        BagOfWords().transform(faces)
