"""The pictures of a face over time: few, spread, and of what was most marked."""

from __future__ import annotations

from itertools import pairwise

import pytest

from mien.core.labels import FER8
from mien.core.types import Prediction
from mien.report.album import MOST, Album
from tests.report.parts import scores


def shown(label: str, share: float = 0.9) -> Prediction:
    return Prediction(scores(0, FER8, label, share), FER8)


@pytest.mark.parametrize("seconds", [1, 60, 3600, 9000])
def test_pictures_are_few_and_spread_however_long_it_is(seconds: int) -> None:
    album, made = Album(), []
    for second in range(seconds):
        album.add(float(second), shown("neutral"), lambda: made.append(1) or b"x")
    times = [shot.time_s for shot in album.shots]
    assert min(seconds, MOST // 2) <= len(times) <= MOST
    assert times == sorted(times)
    assert max(times) >= seconds - 2 * album.slot_s
    assert max((b - a for a, b in pairwise(times)), default=0) <= 2 * album.slot_s
    assert len(made) <= seconds


def test_of_each_while_the_most_marked_moment_is_kept() -> None:
    album = Album()
    for second in range(3600):
        said = shown("anger", 0.7) if second == 1801 else shown("happiness", 0.95) if second == 2500 else shown("neutral", 0.99)
        album.add(float(second), said, lambda: b"x")
    marked = {shot.label: shot.time_s for shot in album.shots if shot.label != "neutral"}
    assert marked == {"anger": 1801.0, "happiness": 2500.0}


def test_a_rising_score_costs_few_pictures() -> None:
    album, made = Album(), []
    for place in range(1000):
        album.add(place / 2500, shown("fear", 0.5 + place * 0.0001), lambda: made.append(1) or b"x")
    assert len(made) < 15
    assert [shot.label for shot in album.shots] == ["fear"]
