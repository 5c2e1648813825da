from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.core.errors import ArtifactError, InputError, OptionError
from mien.explain import WarpedView, explain, mean_view, warped_views
from mien.explain.transformer import fit_affine
from tests.explain.parts import NODE, SHRINK, SIDE, TILT, Foreign, faces, grid_of, looking, made, noise, planted, sampling


def affine(theta: np.ndarray, image: np.ndarray) -> np.ndarray:
    """The view that θ makes of an image, by OpenCV."""
    grid = ((grid_of(theta)[0] + 1) * SIDE - 1) / 2
    return cv2.remap(image.astype(np.float32), grid[..., 0], grid[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)


def test_the_views_of_each_crop(tmp_path: Path) -> None:
    crops = noise(40)  # more than one batch
    views = warped_views(looking(tmp_path), crops)
    assert [len(one) for one in views] == [2] * 40  # that of the mirror image is left out
    for crop, (first, second) in zip(crops, views, strict=True):
        np.testing.assert_allclose(first.theta, TILT, atol=1e-5)
        np.testing.assert_allclose(second.theta, SHRINK, atol=1e-5)
        assert np.abs(first.image.astype(float) - affine(TILT, crop)).max() <= 9  # OpenCV's weights are of 1/32 pixel
        mean = affine(SHRINK, affine(TILT, crop))  # the three channels are 1, -1 and 2 times the view
        assert (second.image.min(), second.image.max()) == (0, 255)
        assert np.corrcoef(second.image.ravel(), mean.ravel())[0, 1] > 0.98
    assert warped_views(looking(tmp_path), crops[:0]) == []


def test_the_mean_of_views() -> None:
    dark, light = (
        WarpedView(np.full((SIDE, SIDE), gray, np.uint8), theta.astype(np.float32)) for gray, theta in ((90, TILT), (200, SHRINK))
    )
    found = mean_view([dark, light])
    assert (found.image.dtype, found.theta.dtype) == (np.uint8, np.float32)
    assert (found.image == 145).all()
    np.testing.assert_allclose(found.theta, (TILT + SHRINK) / 2, atol=1e-6)


def test_colour_is_shown_in_colour(tmp_path: Path) -> None:
    nodes = [
        NODE("Sub", ["images", "mean"], ["scaled"]),
        *sampling("scaled", "view", "grid"),
        NODE("GlobalAveragePool", ["view"], ["pooled"]),
        NODE("Flatten", ["pooled"], ["flat"]),
        NODE("MatMul", ["flat", "head"], ["logits"]),
    ]
    constants = {
        "mean": np.float32(100),
        "grid": grid_of(np.array([[1.0, 0, 1], [0, 1, 0]])),
        "head": np.ones((3, 8), np.float32),
        "first": np.array([0]),
        "grid_shape": np.array([SIDE, SIDE, 2]),
    }
    crop = noise(1, 3)
    view = warped_views(made(tmp_path, nodes, constants, channels=3), crop)[0][0]
    half = SIDE // 2
    np.testing.assert_array_equal(view.image[:, :half], crop[0, :, half:])
    assert (view.image[:, half:] == 100).all()  # what the network sees beyond the border is its zero, here the gray 100


@pytest.mark.parametrize("align_corners", [False, True])
def test_theta_is_found_again(align_corners: bool) -> None:
    torch = pytest.importorskip("torch")
    thetas = np.stack([TILT, SHRINK]).astype(np.float32)
    grid = torch.nn.functional.affine_grid(torch.from_numpy(thetas), [2, 1, 7, 9], align_corners=align_corners)
    np.testing.assert_allclose(fit_affine(grid.numpy(), align_corners), thetas, atol=1e-5)


def test_the_heat_is_how_densely_it_looks(tmp_path: Path) -> None:
    first, second = (explain(looking(tmp_path), noise(2), "stn", label=label)[1].heat for label in ("fear", "anger"))
    np.testing.assert_array_equal(first, second)
    total = TILT @ np.vstack([SHRINK, [0, 0, 1]])  # the second transformer looks at the view of the first
    counts = np.zeros((SIDE, SIDE))
    for theta in (TILT, total):
        fine = ((grid_of(theta, 240)[0] + 1) * SIDE / 2).reshape(-1, 2)
        counts += np.histogram2d(fine[:, 1], fine[:, 0], bins=SIDE, range=[[0, SIDE]] * 2)[0] / (240 / SIDE) ** 2 / 2
    assert first.sum() == pytest.approx(counts.sum(), rel=0.05)
    inside = cv2.erode((counts > 0).astype(np.uint8), np.ones((3, 3))) > 0
    assert np.corrcoef(first[inside], counts[inside])[0, 1] > 0.8


def test_a_map_that_has_collapsed_looks_at_one_place(tmp_path: Path) -> None:
    nodes = [
        *sampling("images", "view", "grid"),
        NODE("GlobalAveragePool", ["view"], ["pooled"]),
        NODE("Flatten", ["pooled"], ["flat"]),
        NODE("MatMul", ["flat", "head"], ["logits"]),
    ]
    constants = {
        "grid": np.zeros((1, SIDE, SIDE, 2), np.float32),
        "head": np.ones((1, 8), np.float32),
        "first": np.array([0]),
        "grid_shape": np.array([SIDE, SIDE, 2]),
    }
    heat = explain(made(tmp_path, nodes, constants), noise(1), "stn")[0].heat
    assert np.isfinite(heat).all()


def test_a_model_without_a_transformer(tmp_path: Path) -> None:
    for ask in (lambda: warped_views(planted(tmp_path), noise(1)), lambda: explain(planted(tmp_path), noise(1), "stn")):
        with pytest.raises(ArtifactError, match="has no spatial transformer"):
            ask()
    with pytest.raises(OptionError, match="received Foreign"):
        warped_views(Foreign(), faces())


def test_crops_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="A crop is a uint8 array"):
        warped_views(looking(tmp_path), noise(1).astype(np.float32))
