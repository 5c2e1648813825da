from __future__ import annotations

from dataclasses import replace

import numpy as np

from mien.audit.links import Links, Pictures, pairs_of_splits
from mien.core.labels import FER7
from mien.datasets import Dataset


def made() -> Dataset:
    images = np.random.default_rng(0).integers(0, 256, (8, 4, 4), np.uint8)
    images[4] = images[0]
    split = np.array(["train"] * 4 + ["test"] * 4)
    return Dataset("eight", FER7, images, np.array([0, 1, 2, 3, 1, 1, -1, 3]), split, np.arange(8))


def links(*pairs: tuple[int, int, float]) -> Links:
    left, right, score = zip(*pairs, strict=True)
    return Links(np.array(left), np.array(right), np.array(score))


def test_links_join_and_are_picked() -> None:
    assert len(Links.joined([])) == 0
    both = Links.joined([links((0, 1, 0.9)), links((2, 3, 0.8))])
    assert both.take(both.score > 0.85).left.tolist() == [0]


def test_groups_follow_links_over_others_and_hold_all_rows_of_a_picture() -> None:
    pictures = Pictures.of(made())
    assert (len(pictures), pictures.number[4], pictures.first.tolist()) == (7, 0, [0, 1, 2, 3, 5, 6, 7])
    groups, scores = pictures.groups(links((0, 2, 0.99), (2, 4, 0.96), (3, 6, 0.97)))
    assert [group.tolist() for group in groups] == [[0, 2, 4, 5], [3, 7]]
    assert scores == (0.96, 0.97)
    only, _ = pictures.groups(links((0, 2, 0.99), (3, 6, 0.97)), made().split == "train")
    assert [group.tolist() for group in only] == [[0, 2]]
    assert pictures.groups(Links.none()) == ((), ())


def test_rows_seen_by_another_split_and_with_the_same_label() -> None:
    pictures = Pictures.of(made())
    tied = links((0, 0, 1.0), (1, 4, 0.97), (5, 2, 0.96), (3, 2, 0.95))
    assert np.flatnonzero(pictures.seen(tied, "test", "train")).tolist() == [4, 5, 6]
    assert np.flatnonzero(pictures.seen(tied, "test", "train", same_label=True)).tolist() == [5]
    assert np.flatnonzero(pictures.seen(tied, "train", "test")).tolist() == [0, 1, 2]
    assert len(pictures.crossing(tied, "train", "test")) == 3


def test_pairs_of_splits_are_those_that_have_rows() -> None:
    data = made()
    assert pairs_of_splits(data) == [("train", "test")]
    assert pairs_of_splits(data.subset("test")) == []
    split = np.where(np.arange(8) == 7, "validation", data.split)
    assert pairs_of_splits(replace(data, split=split)) == [("train", "validation"), ("train", "test"), ("validation", "test")]
