"""Facial expression recognition: look at a face, say what it shows and how sure that is.

    >>> import mien
    >>> results = mien.analyze("party.jpg")
    >>> results.to_df()
    >>> model = mien.load_model("default", labels="fer7")

Each name below is imported when it is first used, so that ``import mien`` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.analysis import Analyzer, Results, analyze
    from mien.artifact import load_model
    from mien.core import errors
    from mien.core.labels import LabelSet, label_set
    from mien.core.types import Face, Frame, Prediction

__version__ = "0.1.0"

__all__ = [
    "Analyzer",
    "Face",
    "Frame",
    "LabelSet",
    "Prediction",
    "Results",
    "__version__",
    "analyze",
    "errors",
    "label_set",
    "load_model",
]

_HOMES = {
    "Analyzer": "mien.analysis.analyzer",
    "Face": "mien.core.types",
    "Frame": "mien.core.types",
    "LabelSet": "mien.core.labels",
    "Prediction": "mien.core.types",
    "Results": "mien.analysis.results",
    "analyze": "mien.analysis.analyzer",
    "errors": "mien.core",
    "label_set": "mien.core.labels",
    "load_model": "mien.artifact",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mien' has no attribute {name!r}")
    module = importlib.import_module(_HOMES[name] if name != "errors" else "mien.core.errors")
    value = module if name == "errors" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
