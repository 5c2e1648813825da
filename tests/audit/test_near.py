"""The bound of the fingerprints, and that no pair at the threshold is missed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.audit import near
from mien.audit.links import Links
from tests.audit import faces


@pytest.fixture(scope="module")
def pictures() -> NDArray[np.uint8]:
    """Twenty faces, then each with noise of growing strength, then the mirror images of ten of these."""
    rng = np.random.default_rng(0)
    base = np.stack([faces.face(i) for i in range(20)])
    strength = np.linspace(2, 40, 20)[:, None, None]
    noisy = np.clip(base + rng.normal(0, 1, base.shape) * strength, 0, 255).astype(np.uint8)
    return np.concatenate([base, noisy, noisy[:10, :, ::-1]])


def every_pair(pictures: NDArray[np.uint8], mirror: bool) -> NDArray[np.float64]:
    flat = pictures.reshape(len(pictures), -1).astype(np.float64)
    other = (pictures[:, :, ::-1] if mirror else pictures).reshape(len(pictures), -1).astype(np.float64)
    return np.corrcoef(flat, other)[: len(flat), len(flat) :]


@pytest.mark.parametrize("side", [48, 20, 9, 64])
def test_the_product_of_fingerprints_bounds_the_correlation(side: int) -> None:
    pictures = np.stack([faces.face(i, side) for i in range(12)])
    prints = near.fingerprints(pictures).reshape(12, -1)
    assert (prints @ prints.T >= every_pair(pictures, False) - 1e-5).all()
    assert np.allclose(np.square(prints).sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("tile", [(1024, 8192), (7, 11)])
def test_all_pairs_at_the_threshold_are_found_and_no_others(
    pictures: NDArray[np.uint8], tile: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near, "_TILE", tile)
    monkeypatch.setattr(near, "_BYTES", 1 << 16)
    same, turned = (np.triu(every_pair(pictures, mirror), 1) for mirror in (False, True))
    for found, truth in zip(near.near_links(pictures, 0.93), (same, turned), strict=True):
        assert sorted(map(list, zip(found.left.tolist(), found.right.tolist(), strict=True))) == np.argwhere(truth >= 0.93).tolist()
        assert np.allclose(found.score, truth[found.left, found.right], atol=1e-5)
    assert (same >= 0.93).sum() >= 10
    assert (turned >= 0.93).sum() >= 10


def test_light_and_shade_alone_make_no_twins() -> None:
    rng = np.random.default_rng(0)
    slope = np.linspace(40, 200, 48)[None, :] + np.linspace(-30, 30, 48)[:, None]
    pictures = np.clip(slope + rng.normal(0, 6, (6, 48, 48)), 0, 255).astype(np.uint8)
    assert every_pair(pictures, False).min() > 0.95
    assert [len(links) for links in near.near_links(pictures, 0.95)] == [0, 0]


def test_constant_pictures_are_near_to_none() -> None:
    pictures = np.stack([np.full((48, 48), value, np.uint8) for value in (0, 0, 9, 255)])
    assert [len(links) for links in near.near_links(pictures, 0.8)] == [0, 0]


def test_too_many_pairs_are_thinned_towards_each_role(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    pictures = np.clip(faces.face(0) + rng.normal(0, 2, (40, 48, 48)), 0, 255).astype(np.uint8)
    roles = (np.arange(40) >= 30).astype(np.int64)
    monkeypatch.setattr(near, "MOST_PAIRS", 100)
    monkeypatch.setattr(near, "_TILE", (8, 8))
    links, _ = near.near_links(pictures, 0.95, roles=roles)
    assert len(links) < 40 * 39 // 2
    for role in (0, 1):
        reached = np.concatenate([links.left[roles[links.right] == role], links.right[roles[links.left] == role]])
        assert set(reached.tolist()) == set(range(40))


def test_the_strongest_links_of_either_end_stay() -> None:
    left = np.zeros(9, np.int64)
    links = Links(left, np.arange(1, 10), np.linspace(0.9, 0.98, 9))
    assert len(near.strongest(links, np.zeros(10, np.int64))) == 9
    fan = Links(np.concatenate([left, left + 20]), np.tile(np.arange(1, 10), 2), np.linspace(0.9, 0.99, 18))
    assert len(near.strongest(fan, np.zeros(30, np.int64))) == 18
    dense = Links(np.repeat(np.arange(10), 10), np.tile(np.arange(10, 20), 10), np.random.default_rng(0).random(100))
    assert len(near.strongest(dense, np.zeros(20, np.int64))) < 80
