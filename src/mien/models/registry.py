"""The one registry of trainable architectures."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from torch import nn

from mien.core.errors import OptionError, RecipeError, UnknownNameError
from mien.datasets.options import check_values

MODELS: dict[str, type[nn.Module]] = {}
_MODULES = (
    "miennet",
    "deepfer",
    "sdl",
    "cnn123",
    "mini_xception",
    "densecnn",
    "backbones",
    "cnncraft",
    "small_densenet",
    "small_convnext",
    "small_airbench",
    "sequence",
)
_Net = TypeVar("_Net", bound=type[nn.Module])


def register(name: str) -> Callable[[_Net], _Net]:
    """Class decorator: make the architecture known under `name`. Its constructor takes `heads` first, then its own options."""

    def keep(cls: _Net) -> _Net:
        MODELS[name] = cls
        return cls

    return keep


def architectures() -> dict[str, type[nn.Module]]:
    """Every architecture that can be trained, by name."""
    for module in _MODULES:
        importlib.import_module(f"mien.models.{module}")  # registers what it holds
    return MODELS


def build(name: str, heads: Mapping[str, int], options: Mapping[str, Any] | None = None) -> nn.Module:
    """A new network with random weights.

    `heads`: output name → number of classes. The network maps float32 (N, C, S, S) in 0–255 to a dict of logits, one entry a head, and
    `embedding`, the features in front of them. One with an attribute `handcrafted` above 0 takes vectors of so many numbers besides.

    Raises UnknownNameError for an architecture or an option that does not exist, RecipeError for a value that it refuses.
    """
    known = options_of(name)
    for key in options or {}:
        if key not in known:
            raise UnknownNameError(f"option of {name}", key, known)
    try:
        check_values(name, MODELS[name].__init__, options or {})
    except OptionError as error:
        raise RecipeError(str(error)) from error
    try:
        return MODELS[name](dict(heads), **(options or {}))
    except (TypeError, ValueError, LookupError, RuntimeError, ZeroDivisionError) as error:
        raise RecipeError(f"The architecture {name} refuses {dict(options or {})}: {error}. Give it other options.") from error


def options_of(name: str) -> list[str]:
    """The names of an architecture's own options. Raises UnknownNameError for an architecture that does not exist."""
    if name not in architectures():
        raise UnknownNameError("architecture", name, MODELS)
    return [p for p in inspect.signature(MODELS[name].__init__).parameters if p not in ("self", "heads")]


def count_parameters(model: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
