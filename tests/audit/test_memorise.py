from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from mien.audit import memorise
from mien.audit.memorise import NearestNeighbour
from mien.core.errors import DatasetAbsentError, InputError
from mien.core.labels import FER7
from mien.datasets.base import Dataset
from mien.evaluation.run import evaluate


@pytest.fixture
def faces() -> Dataset:
    """Random pictures: 90 train, 30 test; ten of the test pictures are training pictures."""
    rng = np.random.default_rng(1)
    images, targets = rng.integers(0, 256, (120, 12, 12), np.uint8), rng.integers(0, 7, 120)
    images[90:100], targets[90:100] = images[:10], targets[:10]
    return Dataset("random", FER7, images, targets, np.array(["train"] * 90 + ["test"] * 30), np.arange(120))


def test_what_it_has_seen_is_right_and_the_rest_is_chance(faces) -> None:
    result = evaluate(NearestNeighbour.of(faces), faces, "test", clean=True)
    assert result.overall.accuracy > 10 / 30
    assert result.clean is not None
    assert result.clean.n == 20
    assert result.clean.accuracy < 0.5
    seen = NearestNeighbour.of(faces).predict(faces.images[90:100])
    assert (seen.argmax(1) == faces.targets[90:100]).all()


def test_it_agrees_with_scikit_learn(faces) -> None:
    rng = np.random.default_rng(2)
    asked = rng.integers(0, 256, (50, 12, 12), np.uint8)
    peer = KNeighborsClassifier(1, algorithm="brute").fit(faces.images[:90].reshape(90, -1).astype(float), faces.targets[:90])
    scores = NearestNeighbour.of(faces).predict(asked)
    assert (scores.argmax(1) == peer.predict(asked.reshape(50, -1).astype(float))).all()
    assert scores.dtype == np.float32
    assert (scores.sum(1) == 1).all()


def test_blocks_make_no_difference(faces, monkeypatch) -> None:
    whole = NearestNeighbour.of(faces).nearest(faces.images)
    monkeypatch.setattr(memorise, "BLOCK", 7)
    assert (NearestNeighbour.of(faces).nearest(faces.images) == whole).all()
    assert (whole[:90] == np.arange(90)).all()


def test_colour_and_no_picture_at_all() -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 5, 6, 3), np.uint8)
    model = NearestNeighbour(images, np.arange(4), FER7)
    assert model.nearest(images).tolist() == [0, 1, 2, 3]
    assert model.predict(images[:0]).shape == (0, 7)


def test_nothing_to_memorise_is_an_error(faces) -> None:
    with pytest.raises(DatasetAbsentError, match="at least one"):
        NearestNeighbour.of(faces.subset("test"))


@pytest.mark.parametrize("targets", [np.array([0, 1]), np.array([0, 1, 7]), np.array([0, 1, -1])])
def test_targets_that_do_not_fit_are_an_error(targets) -> None:
    with pytest.raises(InputError, match="0 to 6"):
        NearestNeighbour(np.zeros((3, 4, 4), np.uint8), targets, FER7)


def test_pictures_of_another_shape_are_an_error(faces) -> None:
    with pytest.raises(InputError, match=r"\(12, 12\)"):
        NearestNeighbour.of(faces).predict(np.zeros((1, 12, 13), np.uint8))
