"""Expressions as action units of the Facial Action Coding System (Ekman, Friesen & Hager, 2002).

The recipes follow the prototypes and major variants of the FACS Investigator's Guide (table 10-1) for the six basic emotions;
contempt is the unilateral 12 + 14 of Matsumoto & Ekman (2004). Units that are drawn:

==  ====================  ==  ====================  ==  ====================
1   inner brow raiser     10  upper lip raiser      20  lip stretcher
2   outer brow raiser     12  lip corner puller     23  lip tightener
4   brow lowerer          14  dimpler               24  lip pressor
5   upper lid raiser      15  lip corner depressor  25  lips part
6   cheek raiser          16  lower lip depressor   26  jaw drop
7   lid tightener         17  chin raiser           27  mouth stretch
9   nose wrinkler                                   43  eyes close
==  ====================  ==  ====================  ==  ====================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

Units = Mapping[int, float]

RECIPES: dict[str, tuple[Units, ...]] = {
    "neutral": ({},),
    "happiness": (
        {6: 0.8, 12: 1.0, 25: 0.8},
        {6: 0.9, 12: 1.0, 25: 0.9, 26: 0.45},
        {6: 0.7, 12: 0.9},
    ),
    "surprise": (
        {1: 0.9, 2: 0.95, 5: 0.8, 25: 0.5, 26: 1.0},
        {1: 1.0, 2: 1.0, 5: 0.9, 25: 0.5, 27: 0.75},
    ),
    "sadness": (
        {1: 1.0, 4: 0.55, 15: 0.9, 17: 0.35, 43: 0.15},
        {1: 0.9, 4: 0.6, 15: 1.0, 17: 0.8, 43: 0.25},
        {1: 1.0, 4: 0.45, 6: 0.25, 15: 0.85, 43: 0.3},
    ),
    "anger": (
        {4: 1.0, 5: 0.5, 7: 0.6, 23: 0.8, 24: 0.7, 17: 0.3},
        {4: 1.0, 5: 0.6, 7: 0.6, 10: 0.5, 16: 0.5, 23: 0.4, 25: 0.7, 26: 0.35},
        {4: 1.0, 5: 0.55, 7: 0.7, 23: 1.0},
    ),
    "disgust": (
        {9: 1.0, 10: 0.5, 15: 0.5, 16: 0.5, 25: 0.5, 4: 0.2, 7: 0.5},
        {9: 1.0, 10: 0.8, 17: 0.9, 15: 0.3, 7: 0.5},
        {9: 0.9, 10: 1.0, 16: 0.4, 25: 0.8, 26: 0.25, 7: 0.5},
    ),
    "fear": (
        {1: 1.0, 2: 0.45, 4: 0.65, 5: 1.0, 7: 0.3, 20: 0.9, 25: 0.7, 26: 0.25},
        {1: 1.0, 2: 0.5, 4: 0.7, 5: 1.0, 20: 1.0, 25: 0.8, 26: 0.5},
        {1: 1.0, 2: 0.35, 4: 0.6, 5: 0.9, 20: 1.0, 25: 0.45},
    ),
    "contempt": (
        {12: 0.75, 14: 0.9},
        {12: 0.55, 14: 1.0, 10: 0.25},
    ),
}
"""Expression → the ways to show it at full intensity, each as action unit → strength, 0–1."""

UNILATERAL = ("contempt",)
"""Shown by one side of the face."""


@dataclass(frozen=True)
class Actions:
    """Strengths of action units, 0–1, on the left and the right of the picture."""

    left: Units = field(default_factory=dict)
    right: Units = field(default_factory=dict)

    def side(self, unit: int, side: int) -> float:
        """Strength on one side: -1 is the left of the picture, 1 the right."""
        return (self.left if side < 0 else self.right).get(unit, 0.0)

    def mean(self, unit: int) -> float:
        """Strength in the middle of the face."""
        return (self.side(unit, -1) + self.side(unit, 1)) / 2

    def code(self) -> str:
        """The units of half strength or more at least on one side, as FACS writes them: "1+2+5"."""
        strong = [unit for unit in sorted({*self.left, *self.right}) if max(self.left.get(unit, 0), self.right.get(unit, 0)) >= 0.5]
        return "+".join(map(str, strong))


@dataclass(frozen=True)
class Manner:
    """How one person shows one expression once: units at full intensity on each side, and what the face does besides."""

    left: Units
    right: Units
    habit: Units = field(default_factory=dict)

    def at(self, intensity: float) -> Actions:
        """The units at an intensity of 0 (none) to 1 (full)."""

        def scaled(units: Units) -> dict[int, float]:
            return {u: min(1.0, intensity * units.get(u, 0.0) + self.habit.get(u, 0.0)) for u in {*units, *self.habit}}

        return Actions(scaled(self.left), scaled(self.right))


def manner(expression: str, rng: np.random.Generator) -> Manner:
    """A way to show `expression` (a key of RECIPES), drawn at random: one of its variants, its strengths varied, not quite symmetric."""
    variants = RECIPES[expression]
    units = variants[int(rng.integers(len(variants)))]
    varied = {unit: strength * rng.uniform(0.82, 1.12) for unit, strength in units.items()}
    left, right = ({unit: strength * rng.uniform(0.92, 1.05) for unit, strength in varied.items()} for _ in range(2))
    if expression in UNILATERAL:
        weak = left if rng.integers(2) else right
        weak.update({unit: 0.06 * strength for unit, strength in weak.items()})
    habit = {unit: float(rng.uniform(0, 0.12)) for unit in (1, 2, 4, 7, 12, 15, 25) if rng.random() < 0.3}
    return Manner(left, right, habit | {43: float(rng.uniform(0, 0.1))})
