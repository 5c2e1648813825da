"""Intervals that are called 95 % hold the truth in about 95 of 100 samples, also of pictures that come in groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.special import softmax

from mien.core.labels import LabelSet
from mien.evaluation import Evaluation, Interval, evaluate_scores
from mien.evaluation.compare import compare

pytestmark = pytest.mark.slow

LABELS = LabelSet("three", ("often", "sometimes", "rarely"))
SAMPLES = 400
WHOLE = ("accuracy", "macro_f1", "balanced_accuracy", "log_loss", "brier")
OF_A_CLASS = ("precision", "recall", "f1")


@dataclass(frozen=True)
class World:
    """Pictures of persons: a person has faces that are read `spread` more or less easily, and shows the rare classes more or less often."""

    persons: int
    pictures: int
    spread: float

    def draw(self, rng: np.random.Generator, persons: int | None = None) -> tuple[np.ndarray, ...]:
        """Scores of two models, targets and the person of each picture. Persons have from half to one and a half times `pictures`."""
        count = persons or self.persons
        sizes = rng.integers(max(1, self.pictures // 2), self.pictures + self.pictures // 2 + 1, count)
        person = np.repeat(np.arange(count), sizes)
        ease = 1.2 + self.spread * rng.normal(size=count)[person]
        shares = softmax(np.log([0.6, 0.3, 0.1]) + self.spread * rng.normal(size=(count, 3)), axis=1)[person]
        targets = (rng.random(len(person))[:, None] > shares.cumsum(axis=1)[:, :2]).sum(axis=1)
        truth = np.eye(3)[targets]
        shared = rng.normal(size=(len(person), 3))
        a, b = (softmax(ease[:, None] * truth * skill + 0.7 * shared + 0.7 * rng.normal(size=shared.shape), axis=1) for skill in (1.0, 0.8))
        return a, b, targets, person


WORLDS = {"alone": World(300, 1, 0.0), "grouped": World(60, 8, 0.8)}


def held(interval: Interval | None, truth: float) -> bool:
    return interval is not None and interval.low <= truth <= interval.high


@pytest.fixture(scope="module", params=list(WORLDS))
def coverage(request: pytest.FixtureRequest) -> dict[str, float]:
    """The share of samples whose interval holds the figure of the whole world, by figure."""
    world = WORLDS[request.param]
    rng = np.random.default_rng(0)
    a, b, targets, _ = world.draw(rng, 400_000 // world.pictures)
    truth: Evaluation = evaluate_scores(a, targets, LABELS, resamples=1)
    gained = float((a.argmax(axis=1) == targets).mean() - (b.argmax(axis=1) == targets).mean())
    hits: dict[str, list[bool]] = {}
    for seed in range(SAMPLES):
        a, b, targets, person = world.draw(rng)
        found = evaluate_scores(a, targets, LABELS, groups=person, seed=seed, resamples=400)
        for name in WHOLE:
            hits.setdefault(name, []).append(held(getattr(found, f"{name}_interval"), getattr(truth, name)))
        for row, real in zip(found.per_class, truth.per_class, strict=True):
            for name in OF_A_CLASS:
                hits.setdefault(f"{name} of {row.label}", []).append(held(getattr(row, f"{name}_interval"), getattr(real, name)))
        hits.setdefault("difference", []).append(held(compare(a, b, targets, person, seed=seed, resamples=400).interval, gained))
    return {name: float(np.mean(row)) for name, row in hits.items()}


def test_intervals_hold_the_truth_at_the_nominal_rate(coverage: dict[str, float]) -> None:
    """400 samples tell a rate of 95 % to ±2.2 % (two standard errors); percentiles of a mean over 60 groups fall a little short of it."""
    assert len(coverage) == len(WHOLE) + 3 * len(OF_A_CLASS) + 1
    wrong = {name: rate for name, rate in coverage.items() if not 0.91 <= rate <= 0.985}
    assert not wrong, coverage


def test_rows_taken_as_independent_are_too_sure() -> None:
    """The same grouped pictures, resampled one by one, hold the truth far too seldom."""
    world, rng = World(60, 8, 0.8), np.random.default_rng(0)
    a, _, targets, _ = world.draw(rng, 50_000)
    truth = float((a.argmax(axis=1) == targets).mean())
    found = []
    for seed in range(200):
        a, _, targets, _ = world.draw(rng)
        found.append(held(evaluate_scores(a, targets, LABELS, seed=seed, resamples=400).accuracy_interval, truth))
    assert np.mean(found) < 0.88
