"""Where in a face the evidence for a label lies, and whether such a picture can be believed.

`explain` makes one explanation a crop, `average` the mean of each label; `warped_views` shows what a spatial transformer sees,
`mean_view` its mean; `sanity_check` holds a method against random weights.
"""

from __future__ import annotations

from mien.explain.methods import METHODS, Method, explain
from mien.explain.sanity import agreement, randomised, sanity_check
from mien.explain.transformer import WarpedView, mean_view, warped_views
from mien.explain.values import Explanation, average

__all__ = [
    "METHODS",
    "Explanation",
    "Method",
    "WarpedView",
    "agreement",
    "average",
    "explain",
    "mean_view",
    "randomised",
    "sanity_check",
    "warped_views",
]
