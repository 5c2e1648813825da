"""What a face detector is, and the ones that exist by name."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np

from mien.core.errors import InputError, OptionError, UnknownNameError
from mien.core.types import RGB, Face

# Fractions left, top, right, bottom of the side of a crop.
Framing = tuple[float, float, float, float]

# The modules are loaded when a detector is made: their libraries cost more than `import mien` may.
DETECTORS = {
    "centerface": "mien.faces.centerface:CenterFace",
    "yunet": "mien.faces.yunet:YuNet",
    "cascade": "mien.faces.cascade:Cascade",
    "whole": "mien.faces.whole:Whole",
}


class Detector(Protocol):
    """Finds faces. May be shared between threads."""

    @property
    def name(self) -> str:
        """The name that results carry."""

    @property
    def box_framing(self) -> Framing:
        """Where this detector's box lies in a crop framed as FER2013 frames faces: fractions left, top, right, bottom."""

    def detect(self, image: RGB, *, moving: bool = False) -> list[Face]:
        """The faces of a picture, uint8 (H, W, 3) RGB, the surest first; none is an empty list.

        `moving`: the picture is one of many of a video or camera; a detector may then trade its thoroughness for speed.

        Raises InputError for an array of another form.
        """


def make_detector(name: str, **options: Any) -> Detector:
    """The detector of that name, made with its options.

    Raises
    ------
    UnknownNameError
        No detector of that name, or the detector has no such option.
    OptionError
        An option outside its range.
    """
    if name not in DETECTORS:
        raise UnknownNameError("detector", name, DETECTORS)
    module, _, attribute = DETECTORS[name].partition(":")
    factory: Callable[..., Detector] = getattr(importlib.import_module(module), attribute)
    allowed = tuple(inspect.signature(factory).parameters)
    for option in options:
        if option not in allowed:
            raise UnknownNameError(f"option of the detector {name}", option, allowed or ("none at all",))
    return factory(**options)


def check_picture(image: RGB) -> None:
    """Raise InputError unless `image` is uint8 (H, W, 3) with pixels."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise InputError(
            f"A detector takes a uint8 array of shape (H, W, 3), RGB; received {image.dtype} of shape {image.shape}. "
            "Use mien.core.decode.as_rgb to convert it."
        )


def check_threshold(threshold: float) -> float:
    """A score threshold, checked: above 0 and below 1."""
    if not 0.0 < threshold < 1.0:
        raise OptionError(f"threshold is a score between 0 and 1; received {threshold!r}. Lower finds more faces and more that are none.")
    return float(threshold)


def check_input_size(size: int) -> int:
    """The longest side a network is fed with, in pixels, checked: a multiple of 32 from 64 to 4096."""
    if not isinstance(size, int) or size % 32 or not 64 <= size <= 4096:
        raise OptionError(f"input_size is a multiple of 32 from 64 to 4096; received {size!r}. Larger finds smaller faces, and is slower.")
    return size


def surest_first(faces: Iterable[Face]) -> list[Face]:
    """By score, then by size, descending."""
    return sorted(faces, key=lambda face: (-face.score, -face.size))
