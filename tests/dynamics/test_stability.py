from __future__ import annotations

from dataclasses import replace
from math import isnan, log2

import numpy as np
import pytest

from mien.core.errors import OptionError
from mien.core.labels import VALENCE3
from mien.dynamics.series import Series
from mien.dynamics.stability import of_group, stability, window_starts
from tests.dynamics.test_series import series


def of_valence(values: np.ndarray, step_s: float = 0.5) -> Series:
    """A series whose valence is `values`, −1 … 1."""
    positive, negative = np.maximum(values, 0), np.maximum(-values, 0)
    scores = np.stack([negative, 1 - positive - negative, positive], axis=1)
    return Series(np.arange(len(values)) * np.float64(step_s), scores, VALENCE3)


def test_a_face_that_changes_nothing_is_stable() -> None:
    found = stability(series([0, 1, 2, 3], [2] * 4))
    assert (found.switches_per_minute, found.entropy_bits, found.dwell_s, found.valence_sd, found.rmssd) == (0, 0, 4, 0, 0)
    assert found.shares == {"negative": 0, "neutral": 0, "positive": 1}
    assert isnan(found.inertia)


def test_switches_dwell_and_entropy() -> None:
    found = stability(series([k / 2 for k in range(8)], [1, 1, 2, 2, 0, 0, 1, 1]))
    assert found.seen_s == 4
    assert found.switches_per_minute == 60 * 3 / 4
    assert found.dwell_s == 1
    assert found.shares == {"negative": 0.25, "neutral": 0.5, "positive": 0.25}
    assert found.entropy_bits == pytest.approx(0.5 * log2(2) + 0.5 * log2(4))


def test_no_switch_is_counted_across_a_gap() -> None:
    found = stability(series([0, 0.5, 10, 10.5], [0, 0, 2, 2]))
    assert found.switches_per_minute == 0
    assert found.seen_s == 2
    assert found.end_s == 10.5


def test_rmssd_and_inertia_are_those_of_the_definitions() -> None:
    rng = np.random.default_rng(0)
    values = np.zeros(4000)
    for k in range(1, len(values)):
        values[k] = 0.7 * values[k - 1] + rng.normal(0, 0.1)
    values = np.clip(values, -1, 1)
    found = stability(of_valence(values))
    assert found.rmssd == pytest.approx(np.sqrt(np.mean(np.diff(values) ** 2)))
    assert found.inertia == pytest.approx(0.7, abs=0.04)
    assert found.valence_mean == pytest.approx(values.mean(), abs=1e-3)
    assert found.valence_sd == pytest.approx(values.std(), abs=1e-3)


def test_the_frame_rate_does_not_count() -> None:
    slow = np.sin(np.arange(120) / 9)
    quick = np.repeat(slow, 15)
    first, second = stability(of_valence(slow)), stability(of_valence(quick, 0.5 / 15))
    assert second.rmssd == pytest.approx(first.rmssd)
    assert second.inertia == pytest.approx(first.inertia)
    assert second.valence_sd == pytest.approx(first.valence_sd, rel=1e-2)


def test_windows_move_over_the_series() -> None:
    values = series([k / 2 for k in range(41)], [0] * 20 + [2] * 21)
    starts = window_starts([values.between(0, 3), values], 10, 5)
    found = [stability(values, start, start + 10) for start in starts]
    assert [(one.start_s, one.end_s) for one in found] == [(0, 10), (5, 15), (10, 20)]
    assert [one.shares["negative"] for one in found] == [1, 0.5, 0]
    assert [one.switches_per_minute for one in found] == [0, 6, 0]
    assert window_starts([values], 100, 5) == [0]
    assert window_starts([series([], [])], 10, 5) == []


def test_a_window_without_the_face_says_so() -> None:
    empty = stability(series([0, 1], [0, 0]), 5, 6)
    assert empty.seen_s == 0
    assert isnan(empty.switches_per_minute)
    assert isnan(empty.shares["neutral"])
    group = of_group([empty, stability(series([0, 1, 2], [0, 1, 1])), stability(series([0, 1, 2], [0, 0, 0]))])
    assert group["people"] == 2
    assert group["switches_per_minute"] == pytest.approx((60 / 3 + 0) / 2)
    assert isnan(of_group([])["rmssd"])


@pytest.mark.parametrize(("length", "step", "name"), [(0, 1, "length_s"), (1, -1, "step_s"), (float("nan"), 1, "length_s")])
def test_windows_have_a_length_and_a_step(length: float, step: float, name: str) -> None:
    with pytest.raises(OptionError, match=f"{name} is above 0 seconds"):
        window_starts([series([0], [0])], length, step)


def test_dwells_add_up_to_what_was_seen_and_short_flickers_count_only_where_they_are_kept() -> None:
    flickering = [1] * 30 + [0] + [1] * 30
    whole = replace(series([k / 10 for k in range(61)], flickering), step_s=0.1)
    raw, merged = stability(whole), stability(whole, least_s=0.2)
    assert raw.dwell_s * 3 == pytest.approx(raw.seen_s)
    assert (merged.switches_per_minute, merged.dwell_s) == (0, pytest.approx(merged.seen_s))
    assert stability(whole, 0.05, 0.15).dwell_s == pytest.approx(0.1)


def test_variety_is_nothing_where_one_label_led() -> None:
    assert {stability(series([k / 3 for k in range(n)], [1] * n)).entropy_bits for n in range(2, 60)} == {0}
