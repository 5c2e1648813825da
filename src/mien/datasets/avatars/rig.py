"""Action units and a character → where brows, lids, nose, mouth and jaw are. Lengths in units of the head; see `view`."""

from __future__ import annotations

from dataclasses import dataclass

from mien.datasets.avatars.actions import Actions
from mien.datasets.avatars.people import Character

EYE_X, BROW_Y, NOSE_Y, MOUTH_Y, CHIN_Y = 0.45, -0.27, 0.62, 0.90, 1.45


@dataclass(frozen=True)
class Brow:
    """Heights y of inner end, inner third, outer third and outer end, and x of the inner end; x is counted outwards."""

    inner_x: float
    heights: tuple[float, float, float, float]
    thickness: float


@dataclass(frozen=True)
class Eye:
    """Centre x outwards, half width, and how far the lids are from the centre; `upper` below 0 means closed."""

    x: float
    half: float
    upper: float
    lower: float
    tilt: float
    iris: float
    crease: float


@dataclass(frozen=True)
class Mouth:
    """Corners (x outwards, y) on the left and right, heights of the lips' outer and inner edges in the middle."""

    left: tuple[float, float]
    right: tuple[float, float]
    top: float
    inner_top: float
    inner_bottom: float
    bottom: float
    teeth: float
    lower_teeth: float

    @property
    def gap(self) -> float:
        """How far the lips are apart in the middle."""
        return self.inner_bottom - self.inner_top


@dataclass(frozen=True)
class Rig:
    """The moving parts of a face. Pairs are (left, right) in the picture."""

    brows: tuple[Brow, Brow]
    eyes: tuple[Eye, Eye]
    mouth: Mouth
    nose_y: float
    wings: tuple[float, float]
    nose_half: float
    chin_y: float


def pose_face(who: Character, acts: Actions) -> Rig:
    """The face of `who` while those action units act."""
    jaw = 0.17 * acts.mean(26) + 0.34 * acts.mean(27)
    nose_y = NOSE_Y * who.nose * who.length - 0.035 * acts.mean(9)
    return Rig(
        brows=(_brow(who, acts, -1), _brow(who, acts, 1)),
        eyes=(_eye(who, acts, -1), _eye(who, acts, 1)),
        mouth=_mouth(who, acts, jaw),
        nose_y=nose_y,
        wings=tuple(nose_y - 0.05 - 0.05 * acts.side(9, s) - 0.025 * acts.side(10, s) for s in (-1, 1)),  # type: ignore[arg-type]
        nose_half=0.2 * who.nose_width * (1 + 0.12 * acts.mean(9) + 0.06 * acts.mean(12) + 0.05 * acts.mean(10)),
        chin_y=CHIN_Y * who.length + 0.8 * jaw - 0.03 * acts.mean(17),
    )


def _brow(who: Character, acts: Actions, side: int) -> Brow:
    a1, a2, a4, a9 = (acts.side(unit, side) for unit in (1, 2, 4, 9))
    both = a1 * a4  # raised while drawn together: the inner ends go up alone and the brow becomes oblique
    base = BROW_Y * who.brow_height - 0.01
    inner = base + 0.02 - 0.14 * a1 + 0.135 * a4 + 0.07 * a9 - 0.09 * both
    middle = base - 0.02 * who.arch - 0.08 * a1 - 0.07 * a2 + 0.12 * a4 + 0.05 * a9 - 0.03 * both
    outer = base - 0.08 * who.arch - 0.14 * a2 + 0.07 * a4 + 0.02 * a9 + 0.03 * a1 * (1 - a2)
    end = base + 0.03 - 0.11 * a2 + 0.03 * a4 + 0.04 * a1 * (1 - a2)
    return Brow(0.17 - 0.06 * a4 - 0.02 * a9, (inner, middle, outer, end), 0.085 * who.brow)


def _eye(who: Character, acts: Actions, side: int) -> Eye:
    a1, a4, a5, a6, a7, a9, a12, a43 = (acts.side(unit, side) for unit in (1, 4, 5, 6, 7, 9, 12, 43))
    upper = (0.098 * who.lid + 0.062 * a5 - 0.026 * a7 - 0.03 * a6 - 0.012 * a4 - 0.024 * a9) * who.eyes
    lower = (0.064 - 0.03 * a7 - 0.042 * a6 - 0.012 * a12 - 0.036 * a9 + 0.012 * a5) * who.eyes
    upper -= a43 * (upper + 0.7 * lower)
    return Eye(
        x=EYE_X * who.gap,
        half=0.212 * who.eyes,
        upper=upper,
        lower=max(lower, 0.012),
        tilt=0.05 * (who.tilt - 0.3) - 0.02 * a1 * a4,
        iris=0.1 * who.eyes,
        crease=0.05 * who.eyes * (1 - 0.5 * a4) + 0.012 * a43,
    )


def _mouth(who: Character, acts: Actions, jaw: float) -> Mouth:
    a9, a10, a12, a15, a16, a17, a20, a23, a24, a25 = (acts.mean(unit) for unit in (9, 10, 12, 15, 16, 17, 20, 23, 24, 25))
    y = MOUTH_Y * who.length + 0.02 * a12 - 0.025 * a15 - 0.045 * a17
    narrow = (1 - 0.28 * a12) * (1 - 0.5 * a23) * (1 - 0.55 * a24) * (1 - 0.25 * a20)
    top, bottom = 0.075 * who.lips * narrow, 0.1 * who.lips * narrow * (1 + 0.15 * a17)
    pressed = (1 - 0.9 * a24) * (1 - 0.6 * a17)
    lift = (0.012 * a25 + 0.065 * a10 + 0.035 * a9 + 0.02 * a12 * a25) * pressed + 0.04 * a10 * a17 + 0.03 * a9 * a17
    drop = (0.04 * a25 + 0.09 * a16 + 0.055 * a12 * a25) * pressed + jaw - 0.03 * a17
    opened = (lift + drop) if max(a25, acts.mean(26), acts.mean(27), a16) > 0.15 else 0.0
    inner_top = y - lift
    inner_bottom = inner_top + max(opened, 0.0)
    corners = tuple(_corner(who, acts, jaw, side) for side in (-1, 1))
    return Mouth(
        left=corners[0],
        right=corners[1],
        top=inner_top - top,
        inner_top=inner_top,
        inner_bottom=inner_bottom,
        bottom=inner_bottom + bottom,
        teeth=0.03 + 0.07 * a12 + 0.06 * a10 + 0.03 * a9 + 0.015 * a20,
        lower_teeth=0.06 * a16 + 0.035 * a20,
    )


def _corner(who: Character, acts: Actions, jaw: float, side: int) -> tuple[float, float]:
    a10, a12, a14, a15, a20, a23, a24 = (acts.side(unit, side) for unit in (10, 12, 14, 15, 20, 23, 24))
    out = 0.33 * who.mouth + 0.1 * a12 + 0.11 * a20 + 0.035 * a14 - 0.045 * a23 - 0.03 * a24 - 0.22 * jaw * (1 - a20)
    down = -0.145 * a12 + 0.11 * a15 + 0.025 * a20 - 0.03 * a14 - 0.015 * a10 + 0.42 * jaw
    return out, MOUTH_Y * who.length + 0.005 + down
