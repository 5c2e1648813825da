"""Names that people give to expressions, in folders and tables, and what they stand for."""

from __future__ import annotations

from collections.abc import Iterable

from mien.core.errors import UnknownNameError
from mien.core.labels import FER8

ALIASES = {
    "angry": "anger",
    "disgusted": "disgust",
    "afraid": "fear",
    "fearful": "fear",
    "scared": "fear",
    "happy": "happiness",
    "joy": "happiness",
    "joyful": "happiness",
    "sad": "sadness",
    "surprised": "surprise",
    "neutrality": "neutral",
    "contemptuous": "contempt",
}
"""Other names in use → mien's name. Upper case and blanks at the ends make no difference."""


def expression_name(name: str, allowed: Iterable[str], *, where: str) -> str:
    """The expression of `allowed` that `name` stands for.

    Raises UnknownNameError, which names `where` it was found and the near names.
    """
    allowed = list(allowed)
    plain = name.strip().lower()
    found = plain if plain in allowed else ALIASES.get(plain)
    if found is None or found not in allowed:
        known = [*allowed, *(alias for alias, meaning in ALIASES.items() if meaning in allowed)]
        plain = ALIASES.get(plain, plain)
        hint = "It is one of fer8: where a data set takes labels, give labels=fer8 (--option labels=fer8)." if plain in FER8.names else ""
        raise UnknownNameError(f"expression in {where}", name, known, hint)
    return found
