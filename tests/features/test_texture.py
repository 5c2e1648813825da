from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from mien.core.errors import InputError, OptionError
from mien.features.pictures import PictureTransformer
from mien.features.texture import HOG, LBP, Gabor, Pixels

ALL = [Pixels(24), HOG(), LBP(), LBP(method="uniform", points=16, radius=2.0, grid=4), Gabor()]


@pytest.mark.parametrize("features", ALL, ids=str)
def test_a_vector_follows_from_its_picture_alone(features: PictureTransformer, faces: NDArray[np.uint8]) -> None:
    whole = features.fit_transform(faces)
    assert whole.dtype == np.float32
    assert whole.shape == (24, len(features.get_feature_names_out()))
    assert len(set(map(bytes, whole))) == 24
    np.testing.assert_array_equal(features.transform(faces[5:7]), whole[5:7])
    np.testing.assert_array_equal(features.transform(list(np.stack([faces[:2]] * 3, axis=-1))), whole[:2])  # gray as RGB, a list
    assert features.transform(faces[:0]).shape == (0, whole.shape[1])


@pytest.mark.parametrize("features", ALL, ids=str)
def test_scikit_learn_takes_it_as_its_own(features: PictureTransformer, faces: NDArray[np.uint8]) -> None:
    assert clone(features).get_params() == features.get_params()
    assert get_tags(features).input_tags.three_d_array  # for which scikit-learn's own check_estimator has no checks
    pipeline = make_pipeline(clone(features), StandardScaler()).set_output(transform="pandas")
    scaled = pipeline.fit_transform(faces)
    assert list(scaled.columns) == list(features.get_feature_names_out())
    np.testing.assert_allclose(scaled.to_numpy().mean(axis=0), 0, atol=1e-4)


def test_pixels_are_the_gray_levels_row_by_row(faces: NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(Pixels().transform(faces), faces.reshape(24, -1))


def test_hog_of_one_edge_points_across_it() -> None:
    upright = np.zeros((1, 48, 48), np.uint8)
    upright[:, :, 24:] = 200
    cells = HOG(block=1).transform(upright).reshape(8, 8, 9).sum(axis=(0, 1))
    assert cells.argmax() == 0  # the gradient goes along x
    assert cells[0] == pytest.approx(cells.sum())


def test_lbp_cells_sum_to_one_and_flat_pictures_have_one_code() -> None:
    cells = LBP(grid=3).transform(np.full((1, 48, 48), 90, np.uint8)).reshape(9, -1)
    np.testing.assert_allclose(cells.sum(axis=1), 1)
    assert cells[4].max() == 1  # the cell that does not touch the border


def test_gabor_answers_to_stripes_of_its_own_direction() -> None:
    x = np.arange(48)
    stripes = np.broadcast_to(127 + 100 * np.sin(2 * np.pi * 0.25 * x), (48, 48)).astype(np.uint8)
    along, across = Gabor(frequencies=(0.25,), orientations=2, grid=1).transform(np.stack([stripes, stripes.T])).reshape(2, 2, 2)[:, :, 0]
    assert along[0] > 5 * along[1]
    assert across[1] > 5 * across[0]


@pytest.mark.parametrize(
    ("features", "told"),
    [
        (Pixels(4), "size is 8 or more pixels; received 4"),
        (HOG(cell=1), "cell is 2 or more"),
        (HOG(block=9), "block is 1 to 8"),
        (HOG(orientations=0), "orientations is 1 or more"),
        (LBP(points=3), "points is 4 to 24"),
        (LBP(radius=24.0), "radius is above 0"),
        (LBP(grid=49), "grid is 1 to 48"),
        (LBP(method="ror"), "method is 'nri_uniform' or 'uniform'"),
        (Gabor(frequencies=()), "frequencies is one or more"),
        (Gabor(frequencies=(0.6,)), "at most 0.5"),
        (Gabor(orientations=0), "orientations is 1 or more"),
        (Gabor(grid=7), "grid is a divisor of the side, 48"),
    ],
)
def test_a_parameter_out_of_range_is_told(features: PictureTransformer, told: str, faces: NDArray[np.uint8]) -> None:
    with pytest.raises(OptionError, match=told):
        features.fit(faces)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(InputError, match="A crop is a uint8 array"):
        HOG().transform(np.zeros((2, 48, 48)))  # type: ignore[arg-type]
