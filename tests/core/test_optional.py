"""An optional package that is absent is named with the extra that brings it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from mien.core.errors import MissingExtraError
from mien.core.optional import require


def test_there() -> None:
    assert require("json", "train") is json


def test_absent() -> None:
    with pytest.raises(MissingExtraError, match=r"package 'no_such_package'.*pip install 'mien\[train\]'"):
        require("no_such_package.part", "train")


def test_a_package_that_itself_lacks_another_is_not_blamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "half_installed.py").write_text("import another_that_is_absent", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="another_that_is_absent") as caught:
        require("half_installed", "train")
    assert not isinstance(caught.value, MissingExtraError)
    sys.modules.pop("half_installed", None)
