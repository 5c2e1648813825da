"""The tree of errors, and the names that a wrong name was near to."""

from __future__ import annotations

import inspect

import pytest

from mien.core import errors
from mien.core.errors import MienError, MissingExtraError, UnknownNameError

CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__ and not issubclass(c, Warning)]


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_is_ours_and_in_the_tree_of_the_docstring(error: type[Exception]) -> None:
    assert issubclass(error, MienError)
    assert errors.__doc__ is not None
    assert error.__name__ in errors.__doc__
    assert error.__doc__


def test_usual_handlers_catch_ours_too() -> None:
    assert issubclass(UnknownNameError, ValueError)
    assert issubclass(MissingExtraError, ImportError)


def test_an_unknown_name_lists_the_near_and_all() -> None:
    error = UnknownNameError("detector", "CentreFace", ["whole", "centerface", "yunet"], hint="Try `mien doctor`.")
    assert str(error) == ("Unknown detector 'CentreFace'. Did you mean centerface? Known: centerface, whole, yunet. Try `mien doctor`.")
    assert error.near == ("centerface",)
    assert "Did you mean" not in str(UnknownNameError("model", "zzz", ["default"]))


def test_a_name_that_is_no_text() -> None:
    assert "Unknown model '3'" in str(UnknownNameError("model", 3, ["default"]))
