"""The command line: each command reads its arguments, makes one library call, and shows what it gives."""

from __future__ import annotations

from mien.cli.app import app, main

__all__ = ["app", "main"]
