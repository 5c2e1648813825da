"""Who is drawn: characters that differ in proportions, colours, age and hair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mien.core.errors import OptionError, UnknownNameError
from mien.datasets.avatars.canvas import Colour

SKINS: tuple[Colour, ...] = (
    (244, 216, 199),
    (234, 200, 176),
    (222, 181, 150),
    (204, 159, 125),
    (179, 132, 99),
    (150, 105, 77),
    (120, 82, 60),
    (94, 64, 49),
)
"""Skin colours by tone, from 0, the lightest, to 7, the darkest."""
HAIRS: dict[str, Colour] = {
    "black": (30, 26, 26),
    "dark": (54, 40, 33),
    "brown": (88, 61, 43),
    "auburn": (118, 62, 40),
    "red": (158, 82, 46),
    "blond": (190, 155, 104),
    "grey": (148, 146, 144),
    "white": (204, 201, 197),
}
IRISES: tuple[Colour, ...] = ((62, 40, 28), (86, 58, 36), (98, 92, 58), (84, 112, 82), (92, 124, 148), (112, 122, 128))
STYLES = ("crop", "short", "side", "fringe", "bob", "long", "curly", "bun", "bald")


@dataclass(frozen=True)
class Character:
    """One person. Proportions are factors around 1; `age` 0 (smooth) to 1 (lined); `beard` 0 (none) to 1 (full); `tone` indexes SKINS."""

    name: str
    tone: int = 2
    hair: str = "brown"
    iris: int = 1
    style: str = "short"
    cheeks: float = 1.0
    jaw: float = 1.0
    chin: float = 1.0
    length: float = 1.0
    eyes: float = 1.0
    gap: float = 1.0
    tilt: float = 0.5
    lid: float = 1.0
    brow: float = 1.0
    brow_height: float = 1.0
    arch: float = 0.5
    nose: float = 1.0
    nose_width: float = 1.0
    mouth: float = 1.0
    lips: float = 1.0
    lip_colour: float = 0.4
    age: float = 0.2
    beard: float = 0.0
    glasses: bool = False
    texture: int = 0

    @property
    def skin(self) -> Colour:
        """RGB."""
        return SKINS[self.tone]


_FIELDS = (
    *("cheeks", "jaw", "chin", "length", "eyes", "gap", "tilt", "lid", "brow", "brow_height", "arch"),
    *("nose", "nose_width", "mouth", "lips", "lip_colour", "age", "beard"),
)
# Tone, hair, iris and style, then _FIELDS.
_BY_HAND: dict[str, tuple[tuple[int, str, int, str], tuple[float, ...]]] = {
    "ada": ((1, "blond", 4, "long"), (0.97, 0.9, 0.95, 0.98, 1.12, 1.0, 0.8, 1.08, 0.7, 1.05, 0.8, 0.94, 0.88, 1.0, 1.15, 0.8, 0.05, 0.0)),
    "bruno": (
        (2, "dark", 1, "short"),
        (1.02, 1.1, 1.12, 1.03, 0.95, 1.0, 0.3, 0.92, 1.35, 0.9, 0.25, 1.1, 1.1, 1.06, 0.85, 0.2, 0.4, 0.55),
    ),
    "chidi": ((6, "black", 0, "crop"), (1.0, 1.05, 1.0, 1.0, 1.02, 1.04, 0.5, 1.0, 1.1, 1.0, 0.4, 0.98, 1.25, 1.1, 1.4, 0.25, 0.15, 0.2)),
    "devi": ((4, "black", 0, "bun"), (0.98, 0.93, 0.92, 0.97, 1.15, 0.98, 0.9, 1.1, 1.05, 1.0, 0.9, 1.0, 0.95, 0.98, 1.15, 0.7, 0.1, 0.0)),
    "erik": ((0, "grey", 5, "side"), (0.98, 1.02, 1.05, 1.06, 0.9, 0.98, 0.2, 0.85, 1.15, 0.95, 0.3, 1.12, 1.05, 1.0, 0.7, 0.1, 0.85, 0.0)),
    "fumiko": (
        (1, "black", 0, "fringe"),
        (1.05, 0.95, 0.9, 0.94, 0.98, 1.06, 1.0, 0.88, 0.8, 1.1, 0.4, 0.88, 1.0, 0.92, 0.95, 0.6, 0.05, 0.0),
    ),
    "gloria": (
        (7, "dark", 0, "curly"),
        (1.04, 1.0, 0.98, 0.98, 1.05, 1.02, 0.6, 1.02, 0.85, 1.05, 0.7, 0.95, 1.28, 1.08, 1.45, 0.65, 0.35, 0.0),
    ),
    "hana": (
        (3, "auburn", 2, "bob"),
        (0.95, 0.92, 0.94, 1.02, 1.05, 1.0, 0.6, 1.02, 0.9, 1.0, 0.6, 1.04, 0.92, 1.04, 1.05, 0.5, 0.55, 0.0),
    ),
}


def _named(place: int, name: str) -> Character:
    (tone, hair, iris, style), build = _BY_HAND[name]
    return Character(name, tone, hair, iris, style, **dict(zip(_FIELDS, build, strict=True)), glasses=name == "erik", texture=place)


NAMED = tuple(_named(place, name) for place, name in enumerate(_BY_HAND))
"""Characters drawn by hand."""


def cast(characters: int | Sequence[str], seed: int) -> tuple[Character, ...]:
    """That many characters, the NAMED ones first and then drawn by `seed`; or NAMED ones by name.

    Raises
    ------
    OptionError
        Fewer than one character, more than 10,000, or a name twice.
    UnknownNameError
        A name that none of NAMED has.
    """
    if isinstance(characters, int):
        if not 1 <= characters <= 10_000:
            raise OptionError(f"characters is a number from 1 to 10,000 or a list of names; received {characters}.")
        return tuple(person(i, seed) for i in range(characters))
    known = {character.name: character for character in NAMED}
    unknown = [name for name in characters if name not in known]
    if unknown:
        raise UnknownNameError("character", unknown[0], known, hint="Or give a number of characters.")
    if not characters or len(set(characters)) < len(characters):
        raise OptionError(f"characters needs names, each once; received {', '.join(characters) or 'none'}.")
    return tuple(known[name] for name in characters)


def person(index: int, seed: int) -> Character:
    """Character number `index`: a NAMED one, or one drawn by `seed` that stays the same however many there are."""
    if index < len(NAMED):
        return NAMED[index]
    rng = np.random.default_rng((seed, index, 7))
    drawn = {name: float(rng.uniform(low, high)) for name, (low, high) in _RANGES.items()}
    tone, woman = int(rng.integers(len(SKINS))), bool(rng.integers(2))
    age = float(rng.beta(1.2, 1.8))
    dark = ("black", "dark") if tone >= 4 else tuple(HAIRS)[:6]
    hair = str(rng.choice(("grey", "white"))) if age > 0.7 and rng.random() < 0.7 else str(rng.choice(dark))
    drawn |= _build(woman, rng)
    return Character(
        f"drawn-{seed}-{index}",
        tone,
        hair,
        int(rng.integers(2 if tone >= 4 else len(IRISES))),
        str(rng.choice(STYLES[2:8] if woman else ("crop", "short", "side", "curly", "bald"))),
        age=age,
        beard=0.0 if woman or rng.random() < 0.5 else float(rng.uniform(0.2, 1.0)),
        glasses=bool(rng.random() < 0.12),
        texture=index,
        **drawn,
    )


_RANGES = {
    "cheeks": (0.94, 1.06),
    "length": (0.93, 1.06),
    "gap": (0.95, 1.06),
    "tilt": (0.0, 1.0),
    "lid": (0.85, 1.1),
    "brow_height": (0.88, 1.12),
    "nose": (0.88, 1.12),
    "nose_width": (0.88, 1.25),
    "mouth": (0.9, 1.1),
}


def _build(woman: bool, rng: np.random.Generator) -> dict[str, float]:
    """What differs more between women and men than within either."""
    ranges = {
        "jaw": (0.87, 0.99) if woman else (0.98, 1.13),
        "chin": (0.86, 1.0) if woman else (0.96, 1.14),
        "eyes": (1.0, 1.16) if woman else (0.9, 1.05),
        "brow": (0.65, 1.0) if woman else (0.95, 1.4),
        "arch": (0.4, 1.0) if woman else (0.1, 0.6),
        "lips": (0.9, 1.4) if woman else (0.7, 1.2),
        "lip_colour": (0.4, 0.9) if woman else (0.1, 0.35),
    }
    return {name: float(rng.uniform(low, high)) for name, (low, high) in ranges.items()}
