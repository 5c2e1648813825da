"""Learning rates and early stopping, against figures worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from mien.training.recipe import Recipe, parse_recipe
from mien.training.schedule import learning_rate, stalled


@pytest.fixture
def recipe(small: dict[str, Any]) -> Any:
    def make(**optim: Any) -> Recipe:
        return parse_recipe(small | {"phases": [{"epochs": 100, "size": 48}], "optim": {"learning_rate": 0.1, **optim}})

    return make


def _history(*losses: float, size: int = 48) -> list[dict[str, Any]]:
    return [{"epoch": n, "size": size, "log_loss_fer8": loss + 0.5, "log_loss_fer7": loss - 0.5} for n, loss in enumerate(losses, 1)]


def test_one_cycle_rises_then_falls_to_zero(recipe: Any) -> None:
    rates = [learning_rate(recipe(warmup=0.2), epoch) for epoch in range(101)]
    assert rates.index(max(rates)) == 20
    assert max(rates) == pytest.approx(0.1)
    assert rates[100] == pytest.approx(0)
    assert rates[60] == pytest.approx(0.05)


def test_cosine_constant_and_step(recipe: Any) -> None:
    assert learning_rate(recipe(schedule="cosine", warmup=0.0), 50) == pytest.approx(0.05)
    assert {learning_rate(recipe(schedule="constant"), epoch) for epoch in (0, 50.5, 99)} == {0.1}
    stepped = recipe(schedule="step", step_epochs=10, factor=0.9)
    assert [learning_rate(stepped, epoch) for epoch in (0, 9.99, 10, 29)] == pytest.approx([0.1, 0.1, 0.09, 0.081])


def test_plateau_falls_when_nothing_new_came_for_so_long(recipe: Any) -> None:
    made = recipe(schedule="plateau", patience=2, factor=0.1)
    losses = [1.0, 0.8, 0.81, 0.8, 0.79, 0.79, 0.79, 0.79, 0.79]
    rates = [learning_rate(made, n, _history(*losses[:n])) for n in range(len(losses) + 1)]
    assert rates == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.001, 0.001, 0.0001])


def test_early_stop_counts_the_last_phase_alone(recipe: Any) -> None:
    made = recipe(early_stop=2)
    assert not stalled(made, _history(1.0, 1.0, 1.0, size=24))
    assert not stalled(made, _history(1.0, 1.0, 1.0, size=24) + _history(2.0, 2.0))
    assert stalled(made, _history(1.0, 1.0, 1.0, size=24) + _history(2.0, 2.0, 2.0))
    assert not stalled(recipe(), _history(*[1.0] * 99))
