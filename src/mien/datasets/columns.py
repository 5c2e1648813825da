"""Values by row → one column of numbers or text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# A leading zero belongs to a code such as 007, which is no number.
_WHOLE = re.compile(r"[+-]?(0|[1-9]\d*)")
_NUMBER = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?inf|nan", re.I)


def number_or_text_column(values: Sequence[Any]) -> NDArray[Any]:
    """One value by row, None or "" where there is none → int64, float64, or text.

    Numbers, also written as text, become int64 where all rows have a whole one, else float64 with NaN where there is none. Arrays of one
    shape are stacked, with NaN where there is none. All else is text, with "" where there is none.
    """
    told = [value for value in values if value is not None and not (isinstance(value, str) and not value)]
    if told and all(isinstance(value, np.ndarray) for value in told):
        absent = np.full(told[0].shape, np.nan, told[0].dtype)
        return np.stack([value if isinstance(value, np.ndarray) else absent for value in values])
    texts = [str(value) for value in told]
    if texts and all(map(_WHOLE.fullmatch, texts)) and len(told) == len(values) and all(abs(int(text)) < 2**63 for text in texts):
        return np.array([int(text) for text in texts], np.int64)
    if texts and all(map(_NUMBER.fullmatch, texts)):
        return np.array([float("nan" if value is None or value == "" else value) for value in values], np.float64)
    return np.array(["" if value is None else str(value) for value in values], str)
