"""Optional packages, imported at the point of use."""

from __future__ import annotations

import importlib
from types import ModuleType

from mien.core.errors import MissingExtraError


def require(module: str, extra: str) -> ModuleType:
    """Import `module`, or raise MissingExtraError naming the extra that brings it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and not module.startswith(error.name):
            raise
        raise MissingExtraError(
            f"This needs the package {module.partition('.')[0]!r}, which the light core does not bring. "
            f"Install it with: pip install 'mien[{extra}]'"
        ) from error
