from __future__ import annotations

import pytest

from mien.datasets.seen import same_pictures, seen_by


def test_labellings_of_the_same_pictures_go_together() -> None:
    assert same_pictures(["ferplus", "jaffe"]) == {"fer2013", "ferplus", "jaffe"}
    assert same_pictures(["jaffe"]) == {"jaffe"}
    assert same_pictures([]) == frozenset()


@pytest.mark.parametrize(
    ("recipe", "seen"),
    [
        ({"targets": {"fer7": {"dataset": "jaffe"}, "fer8": {"dataset": "ferplus"}}}, {"fer2013", "ferplus", "jaffe"}),
        (
            {"targets": {"valence3": {"dataset": "merged", "options": {"datasets": ["fer2013", "ckplus"]}}}},
            {"fer2013", "ferplus", "ckplus"},
        ),
        ({"targets": {"valence3": {"dataset": "merged", "options": None}}}, {"merged"}),
        ({"targets": {"fer7": {}}}, set()),
        ({"targets": []}, set()),
        ({}, set()),
        (None, set()),
    ],
)
def test_a_recipe_tells_what_was_seen(recipe: object, seen: set[str]) -> None:
    assert seen_by(recipe) == seen
