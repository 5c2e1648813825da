"""What the figures and the page of explanations are made of, and where in a face the evidence lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import UnknownNameError
from mien.core.types import RGB, FaceResult, SourceInfo
from mien.report.draw import percent
from mien.report.values import number


class Explained(Protocol):
    """What is read of an explanation; see `mien.explain.Explanation`."""

    @property
    def image(self) -> NDArray[np.uint8]:
        """The crop as the network sees it, uint8 (S, S) or (S, S, 3) RGB."""

    @property
    def heat(self) -> NDArray[np.float32]:
        """The evidence at each pixel, float32 (S, S)."""

    @property
    def label(self) -> str:
        """What it is evidence for."""

    @property
    def score(self) -> float:
        """The model's probability of the label, 0–1."""

    @property
    def method(self) -> str:
        """How it was found, a key of WAYS."""

    @property
    def n(self) -> int:
        """How many faces it is the mean of."""


class View(Protocol):
    """What one spatial transformer makes of a crop; see `mien.explain.WarpedView`."""

    @property
    def image(self) -> NDArray[np.uint8]:
        """The view, uint8 (S, S) or (S, S, 3) RGB."""

    @property
    def theta(self) -> NDArray[np.float32]:
        """Its affine map, float32 (2, 3)."""


@dataclass(frozen=True, eq=False)
class ExplainedFace:
    """One face: its `name` in words, `picture` uint8 (H, W, 3) RGB (the crop as it was cut), an explanation a method, and the views.

    `result`: what was found and said, None for a row of a data set.
    """

    name: str
    picture: RGB
    maps: tuple[Explained, ...]
    views: tuple[View, ...] = ()
    result: FaceResult | None = None


@dataclass(frozen=True, eq=False)
class ExplainedSource:
    """One source, the picture that was read of it, and its faces; or the `error` for which it has none."""

    info: SourceInfo
    image: RGB | None = None
    faces: tuple[ExplainedFace, ...] = ()
    error: str | None = None


@dataclass(frozen=True, eq=False)
class ExplainedClass:
    """One class of a data set: its mean explanation by each method, and the faces `examples` behind it, with their `rows` there.

    `available`: how many rows the class has in that split. A class of which no face was drawn has no `maps`. `views`: the mean view of each
    spatial transformer.
    """

    label: str
    rows: NDArray[np.int64]
    available: int
    maps: tuple[Explained, ...] = ()
    examples: tuple[ExplainedFace, ...] = ()
    views: tuple[View, ...] = ()


@dataclass(frozen=True)
class Way:
    """A method for readers: its `title`, the `unit` of its heat, whether that has a sign, how to read it and what it can't say.

    `of_label`: whether its maps are those of one label, or the same for all.
    """

    title: str
    unit: str
    signed: bool
    reading: str
    limits: str
    of_label: bool = True


WAYS: Mapping[str, Way] = MappingProxyType(
    {
        "occlusion": Way(
            "Occlusion",
            "score lost where covered",
            True,
            "A gray square moves over the face. Orange: the label loses score when this place is covered, so the model leans on it. Blue: "
            "it gains. 0.30 means that 30 points of 100 are lost.",
            "Where either of two places would do, covering one costs little and both look unimportant. A face with a square on it is a "
            "picture that the model has never seen, and another size of the square gives another map.",
        ),
        "gradcam": Way(
            "Grad-CAM",
            "weighted activation",
            False,
            "The last feature map of the network, weighted by what helps the label. Orange: activation that speaks for the label.",
            "It has the few cells of that feature map and is blurred up to the face, so edges mean nothing. It never shows what speaks "
            "against.",
        ),
        "saliency": Way(
            "Saliency",
            "change of the logit a gray value",
            False,
            "How much the answer would change if a pixel became a little lighter or darker.",
            "It shows what the model is sensitive to, not what it has used, and is grainy: look at regions, never at single pixels.",
        ),
        "integrated_gradients": Way(
            "Integrated gradients",
            "part of the logit",
            True,
            "Shares out the label's logit over the pixels, against a plain picture. Orange: pixels that raise it. Blue: pixels that lower "
            "it.",
            "What looks like the plain picture (black, by default) gets nothing, however much it matters. It is grainy: look at regions.",
        ),
        "stn": Way(
            "Spatial transformer",
            "samples a pixel",
            False,
            "Where the spatial transformers of the model look: the darker the orange, the more densely they sample.",
            "It is the same for every label. It says where the model looks, not what it makes of it.",
            of_label=False,
        ),
    }
)
"""Method → how to read it; the names are those of `mien.explain.METHODS`."""

FAINT = 0.01
EVEN = 0.01
"""By what share a region has to exceed what a map without any preference would have there, to be the strongest."""

REGIONS = ("brows and eyes", "nose and cheeks", "mouth and chin", "around the face")

# Where the eyes lie in a crop (their height, and their distance as shares of its width and of its height); docs/framing.md has the places.
_EYES = {"fer2013": (0.390, 0.388, 0.388), "geometric": (1 / 3, 1 / 2, 1 / 3)}

# The face in distances of the eyes, down from them: half-way to the nose tip, half-way from there to the mouth, and an ellipse from the
# hairline to the chin, its centre, half its width and half its height.
_NOSE_FROM, _MOUTH_FROM = 0.28, 0.76
_CENTRE, _HALF_WIDTH, _HALF_HEIGHT = 0.315, 1.1, 1.215


@dataclass(frozen=True)
class Mass:
    """Where the evidence for a label lies.

    `speaks_for`: the share of all evidence, for and against, that is for the label, 0–1. `centre_xy`: the centre of that evidence, as
    shares of the crop's width and height. `regions`: its share in each of REGIONS; they sum to 1. None where nothing speaks for the label.
    """

    speaks_for: float
    centre_xy: tuple[float, float] | None
    regions: Mapping[str, float] | None

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values; regions have underscores."""
        regions = None if self.regions is None else {name.replace(" ", "_"): number(share) for name, share in self.regions.items()}
        centre = None if self.centre_xy is None else [number(value) for value in self.centre_xy]
        return {"speaks_for": number(self.speaks_for), "centre": centre, "regions": regions}


def mass(heat: NDArray[np.float32], framing: str = "fer2013") -> Mass:
    """Where the positive part of a heat (S, S) lies. `framing`: how the crop was cut.

    The regions are those of a face that lies where `framing` puts it: an ellipse from hairline to chin, cut half-way between eyes and nose
    tip and half-way between nose tip and mouth. Raises UnknownNameError for another framing.
    """
    positive = np.maximum(heat, 0).astype(np.float64)
    total, everything = float(positive.sum()), float(np.abs(heat).sum(dtype=np.float64))
    if total == 0:
        return Mass(0.0, None, None)
    places = (np.arange(len(heat)) + 0.5) / len(heat)
    centre = float(positive.sum(axis=0) @ places / total), float(positive.sum(axis=1) @ places / total)
    shares = {name: float(positive[place].sum() / total) for name, place in _regions(len(heat), framing).items()}
    return Mass(total / everything, centre, shares)


def flat_shares(side: int, framing: str = "fer2013") -> Mapping[str, float]:
    """The share of each region in a heat that is the same everywhere: what the shares of `mass` are held against."""
    return {name: float(place.mean()) for name, place in _regions(side, framing).items()}


def strongest(found: Mass, side: int, framing: str = "fer2013") -> str:
    """The region with the most evidence for its size; "–" where there is none, or none exceeds its area by EVEN."""
    if found.regions is None:
        return "–"
    flat = flat_shares(side, framing)
    densities = {name: share / max(flat[name], 1e-9) for name, share in found.regions.items()}
    top = max(REGIONS, key=densities.__getitem__)
    return top if densities[top] > 1 + EVEN else "–"


def limit_of(heats: Sequence[NDArray[np.float32]]) -> float:
    """The heat at the ends of a colour scale: the 99.5th percentile of the absolute values, so that no single pixel sets it."""
    values = np.abs(np.stack(heats))
    return float(np.percentile(values, 99.5)) or float(values.max())


def seen_by(place: int) -> str:
    """What a view of the transformer at `place`, from 0, is called."""
    return f"What transformer {place + 1} sees"


def captions(one: Explained) -> tuple[str, ...]:
    """The lines under a map: whose evidence it is, and whether covering any place changes the score by a point of 100 at all."""
    first = f"for {one.label}, {percent(one.score)}" if WAYS[one.method].of_label else "the same for every label"
    faint = one.method == "occlusion" and float(np.abs(one.heat).max()) < FAINT
    return (first, "no place changes the score by a point") if faint else (first,)


def _regions(side: int, framing: str) -> dict[str, NDArray[np.bool_]]:
    if framing not in _EYES:
        raise UnknownNameError("framing", framing, _EYES)
    height, wide, high = _EYES[framing]
    places = (np.arange(side) + 0.5) / side
    x, y = (places[None] - 0.5) / wide, (places[:, None] - height) / high
    inside = (x / _HALF_WIDTH) ** 2 + ((y - _CENTRE) / _HALF_HEIGHT) ** 2 <= 1
    bands = (inside & (y < _NOSE_FROM), inside & (y >= _NOSE_FROM) & (y < _MOUTH_FROM), inside & (y >= _MOUTH_FROM), ~inside)
    return dict(zip(REGIONS, bands, strict=True))
