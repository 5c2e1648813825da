"""One colour for each expression, the same in drawn pictures, charts and reports.

The eight colours lie at least 17 apart (CIEDE2000) for normal sight and for simulated protanopia, deuteranopia and tritanopia, and each
stands out from white and from near-black; a test holds that. Colour never speaks alone: a name or a number is always beside it.
"""

from __future__ import annotations

from mien.core.labels import LabelSet

EXPRESSIONS = {
    "neutral": "#8E8B9A",
    "happiness": "#FCB700",
    "surprise": "#96CBE9",
    "sadness": "#3756AE",
    "anger": "#DF5406",
    "disgust": "#64986F",
    "fear": "#C066FD",
    "contempt": "#635B4B",
}
_VALENCE = {"negative": EXPRESSIONS["anger"], "positive": EXPRESSIONS["sadness"]}
_KNOWN = {**EXPRESSIONS, **_VALENCE}


def colours(labels: LabelSet) -> dict[str, str]:
    """Label → "#RRGGBB", in the order of `labels`. Names that mien does not know take the colours left over, in order, then repeat them."""
    taken = {_KNOWN[name] for name in labels if name in _KNOWN}
    spare = [c for c in EXPRESSIONS.values() if c not in taken] or list(EXPRESSIONS.values())
    unknown = [name for name in labels if name not in _KNOWN]
    chosen = {name: spare[i % len(spare)] for i, name in enumerate(unknown)}
    return {name: _KNOWN.get(name) or chosen[name] for name in labels}


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, 0–255, of "#RRGGBB"."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
