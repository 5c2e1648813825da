"""Colours that can be told apart by everyone, on white and on black."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from mien.core.labels import FER6, FER7, FER8, VALENCE3, LabelSet
from mien.report.palette import colours, rgb

# Machado, Oliveira & Fernandes (2009), severity 1.0, on linear RGB.
SIGHTS = {
    "normal": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
CUSTOM = LabelSet("custom", ("bored", "happiness", "engaged", "confused"))


def linear(colour: str) -> NDArray[np.float64]:
    share = np.array(rgb(colour)) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def encoded(light: NDArray[np.float64]) -> NDArray[np.float64]:
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("labels", [FER8, FER7, FER6, VALENCE3, CUSTOM], ids=lambda labels: labels.name)
def test_any_two_colours_are_far_apart(labels: LabelSet, sight: str) -> None:
    seen = [rgb2lab(encoded(np.array(SIGHTS[sight]) @ linear(colour))) for colour in colours(labels).values()]
    assert min(deltaE_ciede2000(a, b) for a, b in itertools.combinations(seen, 2)) >= 17


@pytest.mark.parametrize("colour", colours(FER8).values())
def test_each_stands_out_from_white_and_black(colour: str) -> None:
    luminance = float(linear(colour) @ [0.2126, 0.7152, 0.0722])
    assert 1.05 / (luminance + 0.05) >= 1.6
    assert (luminance + 0.05) / (float(linear("#101217") @ [0.2126, 0.7152, 0.0722]) + 0.05) >= 2.4


def test_an_expression_has_its_colour_in_every_set() -> None:
    for labels in (FER7, FER6):
        assert colours(labels) == {name: colours(FER8)[name] for name in labels}
    assert list(colours(CUSTOM)) == list(CUSTOM)
    assert colours(CUSTOM)["happiness"] == colours(FER8)["happiness"]


def test_more_labels_than_colours_repeat_them() -> None:
    many = LabelSet("many", tuple(f"label {i}" for i in range(20)))
    assert len(colours(many)) == 20
