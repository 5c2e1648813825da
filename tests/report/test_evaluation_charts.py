from __future__ import annotations

import re

import numpy as np
import pytest

from mien.report.evaluation_charts import FEWEST, Axes, Curve, legend, reliability_diagram, risk_coverage, short


def bins(**changes: object) -> str:
    values = {
        "edges": np.linspace(0, 1, 6),
        "count": np.array([0, 10, 20, 0, 1500]),
        "confidence": np.array([np.nan, 0.3, 0.5, np.nan, 0.9]),
        "accuracy": np.array([np.nan, 0.1, 0.6, np.nan, 0.9]),
    }
    return reliability_diagram(**{**values, **changes})


def test_axes_place_their_ends() -> None:
    axes = Axes(x=(0, 2), y=(10, 20), left=5, top=1, width=100, height=50)
    assert [axes.across(v) for v in (0, 1, 2)] == [5, 55, 105]
    assert [axes.down(v) for v in (10, 15, 20)] == [51, 26, 1]


def test_the_reliability_diagram_tells_every_filled_bin() -> None:
    svg = bins()
    assert svg.count("<title>") == 3
    assert "confidence 20% to 40%: 10 images, mean 30.0%, right 10.0%" in svg
    assert ">1.5k</text>" in svg
    assert svg.count('class="over"') == 1
    assert svg.count('class="whisker"') == 3
    assert "nan" not in svg


def test_a_gap_reaches_from_accuracy_to_confidence() -> None:
    axes = Axes()
    x, y, height = (
        float(v) for v in re.search(r'class="over" x="([\d.]+)" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"', bins()).groups()
    )
    assert x == axes.across(0.2) + 1
    assert y == axes.down(0.3)
    assert y + height == pytest.approx(axes.down(0.1), abs=0.11)


def test_an_empty_diagram_is_drawn() -> None:
    empty = np.full(5, np.nan)
    assert "<title>" not in bins(count=np.zeros(5, np.int64), confidence=empty, accuracy=empty)


def test_the_curve_begins_where_it_means_something() -> None:
    coverage = np.arange(1, 1001) / 1000
    accuracy = np.where(coverage < FEWEST, 0.0, 1 - 0.3 * coverage)
    svg = risk_coverage([Curve("one", coverage, accuracy)])
    assert 'text-anchor="end">60%' in svg
    assert 'text-anchor="end">50%' not in svg
    for words in ("76.0%", "73.0%", "70.0%"):
        assert f">{words}</text>" in svg
    path = re.search(r'class="curve s0" d="M([^"]+)"', svg).group(1)
    assert len(path.split("L")) <= 300
    assert float(path.split()[0]) == Axes().across(0.05)


def test_several_curves_have_no_words_but_looks_of_their_own() -> None:
    one = Curve("a<b", np.array([0.5, 1.0]), np.array([1.0, 0.9]))
    svg = risk_coverage([one, Curve("two", np.array([1.0]), np.array([0.8]))])
    assert 'class="value"' not in svg
    assert 'class="curve s1"' in svg
    assert "a<b" not in svg + legend(["a<b"])
    assert legend(["x"] * 9).count('class="curve s0"') == 2


@pytest.mark.parametrize("accuracy", [0.0, 0.3, 0.8, 0.999, 1.0])
def test_every_height_has_an_axis(accuracy: float) -> None:
    svg = risk_coverage([Curve("one", np.array([1.0]), np.array([accuracy]))])
    foot = Axes().top + Axes().height
    for y in re.findall(r'cy="([\d.-]+)"', svg):
        assert Axes().top <= float(y) <= foot
    assert 2 <= len(re.findall(r'text-anchor="end">\d+%', svg)) <= 7


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (1249, "1.2k"), (9960, "10k"), (21_400, "21k"), (999_600, "1.0M"), (1_300_000, "1.3M")],
)
def test_counts_are_short(number: int, words: str) -> None:
    assert short(number) == words
