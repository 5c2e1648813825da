from __future__ import annotations

from pathlib import Path

import pytest

from mien.core.machine import processor


def test_the_processor_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processor()
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "flags : none\nmodel name\t: A  Fast One\n")
    assert processor() == "A Fast One"
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "flags : none\n")
    assert processor()

    def unreadable(*_: object, **__: object) -> str:
        raise OSError

    monkeypatch.setattr(Path, "read_text", unreadable)
    assert processor()
