from __future__ import annotations

import numpy as np
import pytest

from mien.datasets.columns import number_or_text_column


@pytest.mark.parametrize(
    ("values", "kind", "column"),
    [
        ([], "U", []),
        (["", None], "U", ["", ""]),
        (["1", "-2", "0"], "i", [1, -2, 0]),
        ([3, 4], "i", [3, 4]),
        (["1", "2.5", "-3e2"], "f", [1, 2.5, -300]),
        (["1", "", None], "f", [1, np.nan, np.nan]),
        ([0.5, None], "f", [0.5, np.nan]),
        (["007", "008"], "U", ["007", "008"]),
        (["1_000", "2"], "U", ["1_000", "2"]),
        (["1", "left"], "U", ["1", "left"]),
        (["99999999999999999999"], "f", [1e20]),
        (["nan", "-inf"], "f", [np.nan, -np.inf]),
    ],
)
def test_numbers_where_all_are_numbers(values: list[object], kind: str, column: list[object]) -> None:
    made = number_or_text_column(values)
    assert made.dtype.kind == kind
    np.testing.assert_array_equal(made, np.array(column, made.dtype))


def test_arrays_are_stacked() -> None:
    made = number_or_text_column([np.ones((2, 2), np.float32), None])
    assert made.shape == (2, 2, 2)
    assert np.isnan(made[1]).all()
