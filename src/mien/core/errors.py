"""Everything that mien raises on purpose, and the one kind of warning that it gives.

    MienError
    ├── InputError              what was given can't be used
    │   ├── DecodeError         bytes that are no picture or no video, or are cut short
    │   └── PixelLimitError     a picture over the documented pixel limit
    ├── UnknownNameError        a model, detector, label set … that does not exist
    ├── OptionError             an option outside its range
    ├── LabelError              label sets that do not fit each other
    ├── ArtifactError           a model file that is refused
    ├── DatasetError            a data set that can't be used as it lies there
    │   ├── DatasetAbsentError  nothing of it was found
    │   ├── DatasetPartialError some of it is missing
    │   └── DatasetCorruptError what is there contradicts its own format
    ├── RecipeError             a recipe that can't be run
    ├── TrainingError           a run that can't start or go on
    ├── OutputError             a result that can't be written
    └── MissingExtraError       an optional part that is not installed

Each message is one sentence form: what was received, what is allowed, what to do next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MienError(Exception):
    """Base of every error that mien raises on purpose."""


class MienWarning(UserWarning):
    """Work that went on to its end, with something that its user has to know."""


class InputError(MienError):
    """What was given can't be analysed."""


class DecodeError(InputError):
    """The bytes are no picture or video that can be read, or they are cut short."""


class PixelLimitError(InputError):
    """The picture has more pixels than the documented limit."""


class UnknownNameError(MienError, ValueError):
    """A name that stands for nothing; the message lists the near names and all that exist."""

    def __init__(self, kind: str, received: object, allowed: Iterable[str], hint: str = "") -> None:
        names = sorted(allowed)
        near = difflib.get_close_matches(str(received).lower(), [n.lower() for n in names], n=3, cutoff=0.5)
        near = [n for n in names if n.lower() in near]
        guess = f" Did you mean {' or '.join(near)}?" if near else ""
        tail = f" {hint}" if hint else ""
        super().__init__(f"Unknown {kind} {str(received)!r}.{guess} Known: {', '.join(names)}.{tail}")
        self.received, self.near = received, tuple(near)


class OptionError(MienError, ValueError):
    """An option whose value lies outside its range."""


class LabelError(MienError, ValueError):
    """Label sets or label values that do not fit each other."""


class ArtifactError(MienError):
    """A model file that is refused: no card, a wrong hash, labels that do not fit."""


class DatasetError(MienError):
    """A data set that can't be used as it lies there."""


class DatasetAbsentError(DatasetError):
    """Nothing of the data set was found where it was looked for."""


class DatasetPartialError(DatasetError):
    """Some of the data set is there and some is missing."""


class DatasetCorruptError(DatasetError):
    """What is there contradicts the data set's own format or counts."""


class RecipeError(MienError, ValueError):
    """A recipe with an unknown key, a value out of range, or parts that do not fit."""


class TrainingError(MienError):
    """A training run that can't start or can't go on."""


class OutputError(MienError):
    """A result that can't be written where it was asked for."""


class MissingExtraError(MienError, ImportError):
    """An optional part that is not installed; the message names the extra to install."""
