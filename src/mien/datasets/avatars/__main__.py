"""A process that draws a share of a data set for another; see `crew`."""

from __future__ import annotations

from mien.datasets.avatars.crew import serve

if __name__ == "__main__":
    serve()
