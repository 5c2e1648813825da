"""Pictures, videos and cameras in, results out.

`analyze` is one call, `Analyzer` is kept for many; `mien.analysis.run.run` feeds sinks of your own.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.analysis.analyzer import Analyzer, analyze
    from mien.analysis.results import Results

__all__ = ["Analyzer", "Results", "analyze"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'mien.analysis' has no attribute {name!r}")
    return getattr(importlib.import_module("mien.analysis.results" if name == "Results" else "mien.analysis.analyzer"), name)
