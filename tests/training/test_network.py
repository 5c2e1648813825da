"""What a network starts with."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mien.core.errors import RecipeError
from mien.models.spatial import SpatialTransformer
from mien.training.network import network
from mien.training.recipe import load_recipe


@torch.no_grad()
def _sizes(start: str) -> list[float]:
    """The mean square of what each convolution of VGG-16 gives for noise of deviation 1."""
    plain = {"model.name": "vgg16", "model.gaussian": start, "model.options.side": "32"}
    features = network(load_recipe("vgg16", plain)).get_submodule("features")
    x, sizes = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0)), []
    for module in features.children():
        x = module(x)
        if isinstance(module, nn.Conv2d):
            sizes.append(float(x.square().mean()))
            assert not module.bias.any()
    return sizes


def test_the_start_of_he_keeps_the_size_of_the_signal_through_thirteen_convolutions() -> None:
    he, small = _sizes("he"), _sizes("0.01")
    assert len(he) == 13
    assert max(he) < 50 * min(he)
    assert small[-1] < 1e-6 * small[0]


def test_convolutions_over_time_start_alike() -> None:
    model = network(load_recipe("turns_cnn3d", {"model.gaussian": "1e-6"}))
    weights = [module.weight for module in model.modules() if isinstance(module, nn.Conv3d)]
    assert len(weights) > 1
    assert all(float(weight.detach().std()) < 2e-6 for weight in weights)


def test_a_spatial_transformer_starts_as_the_identity_all_the_same() -> None:
    model = network(load_recipe("deepfer", {"model.gaussian": '"he"'}))
    transformer = next(module for module in model.modules() if isinstance(module, SpatialTransformer))
    assert not transformer.theta.weight.any()
    assert transformer.theta.bias.tolist() == [1, 0, 0, 0, 1, 0]


@pytest.mark.parametrize("value", ["0", "-1", "hee"])
def test_a_start_that_does_not_exist_is_refused(value: str) -> None:
    with pytest.raises(RecipeError, match=r"model\.gaussian: .*, or 'he', received"):
        load_recipe("vgg16", {"model.gaussian": value})
