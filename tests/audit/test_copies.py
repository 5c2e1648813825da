"""Altered copies: found among many unlike faces, and only those."""

from __future__ import annotations

import numpy as np
import pytest

from mien.audit.copies import SIDE, copy_links, reduced
from tests.audit import faces


def test_pictures_are_brought_to_one_size() -> None:
    gray = np.stack([faces.face(i) for i in range(2)])
    assert reduced(gray) is gray
    color = np.repeat(np.stack([faces.face(i, 100) for i in range(2)])[..., None], 3, axis=3)
    small = reduced(color)
    assert (small.shape, small.dtype) == ((2, SIDE, SIDE), np.uint8)
    assert abs(float(small.mean()) - float(color.mean())) < 2
    assert reduced(gray[:, :20, :30]).shape == (2, SIDE, SIDE)


def test_nothing_to_compare_gives_no_links() -> None:
    small = np.stack([faces.face(i) for i in range(2)])
    none, one = np.empty(0, np.int64), np.array([0])
    assert len(copy_links(small, none, one, 0.95)) == 0
    assert len(copy_links(small, one, none, 0.95)) == 0


@pytest.mark.parametrize("few", [3, 60])
def test_a_picture_without_content_is_a_copy_of_none(few: int) -> None:
    small = np.stack([faces.face(i) for i in range(few)])
    small[0] = 77
    assert len(copy_links(small, np.arange(1, few), np.array([0]), 0.8)) == 0
    assert len(copy_links(small, np.array([0]), np.arange(1, few), 0.8)) == 0


@pytest.mark.slow
def test_most_altered_copies_are_found_among_many_faces() -> None:
    rng = np.random.default_rng(0)
    many = np.stack([faces.face(i) for i in range(1500)])
    source = rng.choice(1000, 100, replace=False)
    altered = []
    for i in source:
        image = faces.moved(many[i], rng.uniform(-10, 10), *rng.uniform(-0.08, 0.08, 2), rng.uniform(0.92, 1.08))
        altered.append(image[:, ::-1] if rng.random() < 0.5 else image)
    small = np.concatenate([many, np.stack(altered)])
    links = copy_links(small, np.arange(1000), np.arange(1000, len(small)), 0.95)
    found = {(int(right) - 1500, int(left)) for left, right in zip(links.left, links.right, strict=True)}
    true = set(enumerate(source.tolist()))
    assert len(found & true) >= 90
    assert found <= true
