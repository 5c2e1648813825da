"""Where the faces are, how they are cut out, and which one is which over time."""

from mien.faces.detect import DETECTORS, Detector, make_detector

__all__ = ["DETECTORS", "Detector", "make_detector"]
