from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from mien.core.errors import InputError, OptionError, UnknownNameError
from mien.core.labels import VALENCE3
from mien.dynamics.markov import DwellModel
from mien.dynamics.series import Series
from mien.dynamics.smoothing import SMOOTHERS, exponential, hann, smooth, viterbi
from tests.dynamics.test_series import series


def noisy(seed: int, n: int = 600, dwell: int = 45, wrong: float = 0.25) -> tuple[Series, np.ndarray]:
    """30 rows a second of a face that changes every 1.5 s or so, and a classifier that is wrong in a quarter of the rows."""
    rng = np.random.default_rng(seed)
    truth = np.cumsum(rng.random(n) < 1 / dwell) + rng.integers(3)
    truth = np.array([0, 1, 2, 1])[truth % 4]
    said = np.where(rng.random(n) < wrong, rng.integers(0, 3, n), truth)
    return series((np.arange(n) / 30).tolist(), said.tolist(), top=0.6), truth


@pytest.mark.parametrize("method", SMOOTHERS)
def test_every_method_keeps_the_rows_and_their_sums_and_stays_within_a_stretch(method: str) -> None:
    values = series([0, 0.1, 0.2, 5, 5.1, 30], [0, 1, 0, 2, 2, 1])
    smoothed = SMOOTHERS[method](values)
    assert smoothed.times_s is values.times_s
    np.testing.assert_allclose(smoothed.scores.sum(axis=1), 1)
    alone = np.concatenate([SMOOTHERS[method](part).scores for part in values.stretches()])
    np.testing.assert_allclose(smoothed.scores, alone)
    assert [len(one) for one in smooth([series([], []), values], method)] == [0, 6]


@pytest.mark.parametrize("method", ["exponential", "hann", "viterbi"])
def test_every_method_is_nearer_to_the_truth_than_the_rows_are(method: str) -> None:
    for seed in range(3):
        raw, truth = noisy(seed)
        (smoothed,) = smooth([raw], method)
        assert np.mean(smoothed.shown != truth) < 0.8 * np.mean(raw.shown != truth)
        assert np.count_nonzero(np.diff(smoothed.shown)) < 0.3 * np.count_nonzero(np.diff(raw.shown))


def test_exponential_is_the_filter_of_first_order_on_even_times() -> None:
    raw, _ = noisy(0, 50)
    keep = 1 - np.exp(-1 / 30 / 0.3)
    expected = lfilter([keep], [1, keep - 1], raw.scores - raw.scores[0], axis=0) + raw.scores[0]
    np.testing.assert_allclose(exponential(raw).scores, expected)


def test_exponential_does_not_depend_on_the_rate() -> None:
    """A step of 1: after one time constant 63 % of the way, in one row or in many."""
    for rows in (2, 11, 101):
        step = series(np.linspace(0, 0.3, rows).tolist(), [0] + [1] * (rows - 1), top=1.0)
        assert exponential(step, 0.3).scores[-1, 1] == pytest.approx(1 - np.exp(-1))


def test_hann_is_a_convolution_on_even_times() -> None:
    raw, _ = noisy(1, 60)
    window = np.hanning(17)[1:-1]  # 15 rows, 16 steps of 1/30 s from zero to zero
    expected = np.stack([np.convolve(column, window, "valid") / window.sum() for column in raw.scores.T], axis=1)
    np.testing.assert_allclose(hann(raw, 16 / 30).scores[7:-7], expected)


def test_a_row_says_as_much_as_its_weight() -> None:
    scores = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.8, 0.1, 0.1]])
    heavy = Series(np.array([0, 0.1, 0.2]), scores, VALENCE3, np.array([0.1, 10.0, 0.1]))
    for method in SMOOTHERS:
        assert SMOOTHERS[method](heavy).shown[1] == 1


def test_the_path_is_the_likeliest_of_all() -> None:
    raw, _ = noisy(2, 7)
    model = DwellModel(np.array([0.5, 1.0, 2.0]), np.array([[0, 0.3, 0.7], [0.5, 0, 0.5], [0.9, 0.1, 0]]), VALENCE3)
    stays = np.exp(-np.diff(raw.times_s)[0] / model.dwell_s)
    moves = (1 - stays)[:, None] * model.jumps + np.diag(stays)
    paths = np.stack(np.meshgrid(*[range(3)] * 7, indexing="ij"), axis=-1).reshape(-1, 7)
    likely = raw.scores[np.arange(7), paths].prod(axis=1) * moves[paths[:, :-1], paths[:, 1:]].prod(axis=1)
    assert model.path(raw).tolist() == paths[likely.argmax()].tolist()
    expected = np.stack([[likely[paths[:, k] == label].sum() for label in range(3)] for k in range(7)])
    np.testing.assert_allclose(model.posteriors(raw), expected / expected.sum(axis=1, keepdims=True))
    assert viterbi(raw, model).shown.tolist() == model.path(raw).tolist()


@pytest.mark.slow
def test_dwell_times_are_learnt() -> None:
    rng, dwell, jumps = np.random.default_rng(0), (0.5, 1.0, 3.0), np.array([[0, 0.5, 0.5], [0.1, 0, 0.9], [0.8, 0.2, 0]])
    shown: list[int] = []
    label = 0
    while len(shown) < 30 * 600:
        shown += [label] * max(1, round(30 * rng.exponential(dwell[label])))
        label = int(rng.choice(3, p=jumps[label]))
    said = np.where(rng.random(len(shown)) < 0.1, rng.integers(0, 3, len(shown)), shown)
    model = DwellModel.learnt([series((np.arange(len(said)) / 30).tolist(), said.tolist(), top=0.9)], rounds=10)
    assert model.dwell_s == pytest.approx(dwell, rel=0.25)
    assert np.abs(model.jumps - jumps).max() < 0.12


def test_what_can_not_be_is_told() -> None:
    raw, _ = noisy(0, 5)
    with pytest.raises(OptionError, match="time_constant_s is above 0 seconds; received 0"):
        exponential(raw, 0)
    with pytest.raises(OptionError, match="width_s is above 0 seconds; received -1"):
        hann(raw, -1)
    with pytest.raises(UnknownNameError, match="viterbi"):
        smooth([raw], "viterbo")
    with pytest.raises(OptionError, match="dwell_s is above 0 seconds; received 0"):
        smooth([raw], "viterbi", 0)
    with pytest.raises(OptionError, match="width of no smoothing is none; received 1"):
        smooth([raw], "none", 1)
    with pytest.raises(InputError, match="two rows or more"):
        DwellModel.learnt([raw.between(0, 0.01)])
