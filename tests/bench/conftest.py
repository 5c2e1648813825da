"""What the tests of the comparison share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bench.parts import forgotten


@pytest.fixture(autouse=True)
def modules_of_one_test_only() -> Iterator[None]:
    """A module of a test's own folder is not there for the next test."""
    with forgotten():
        yield
