"""Anything a person points at → frames with an index and a time: pictures, folders, videos, cameras, bytes, arrays."""

from mien.sources.base import Source
from mien.sources.inputs import resolve

__all__ = ["Source", "resolve"]
