"""The moving average of the weights, which is what is evaluated and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from mien.training.data import load_sets, prepared, split_of
from mien.training.loop import averaged, fit, start
from mien.training.recipe import parse_recipe
from mien.training.run import network


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999])
def test_the_average_soon_forgets_the_first_weights(decay: float) -> None:
    model = nn.BatchNorm1d(1)
    average = averaged(model, decay)
    expected = None
    for step, value in enumerate([100.0, *range(1, 60)]):
        with torch.no_grad():
            model.weight.fill_(value)
            model.running_mean.fill_(-value)
        average.update_parameters(model)
        share = min(decay, (1 + step) / (10 + step))
        expected = value if expected is None else share * expected + (1 - share) * value
        assert average.module.weight.item() == pytest.approx(expected, rel=1e-5)
        assert average.module.running_mean.item() == pytest.approx(-expected, rel=1e-5)
    assert expected is not None
    assert 50 < expected < 60  # 94 of the first 100 would still be there with 0.999 from the start


def test_a_restored_average_goes_on_where_it_was() -> None:
    model = nn.Linear(2, 2)
    first, second = averaged(model, 0.999), averaged(nn.Linear(2, 2), 0.999)
    for _ in range(5):
        first.update_parameters(model)
    second.load_state_dict(first.state_dict())
    with torch.no_grad():
        model.weight.add_(1.0)
    for average in (first, second):
        average.update_parameters(model)
    assert torch.equal(first.module.weight, second.module.weight)


@pytest.mark.parametrize("stop", [None, 3])
def test_it_begins_anew_where_the_pictures_change_their_size(stop: int | None, small: dict[str, Any], small_data: Path) -> None:
    recipe = parse_recipe(small | {"phases": [{"epochs": 2, "size": 24}, {"epochs": 2, "size": 48}]})
    data = prepared(split_of(recipe, load_sets(recipe, small_data), "train"), recipe)
    fabric = Fabric(accelerator="cpu", devices=1, precision="32-true")
    state, counts = start(recipe, network(recipe), fabric), []
    for until in (stop, None):  # also where a resumed run enters in the middle of a phase
        fit(recipe, state, data, fabric, lambda now, _: counts.append(int(now.ema.n_averaged)), until=until)
    assert counts == [6, 12, 6, 12]
