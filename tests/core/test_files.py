"""A file is whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mien.core.errors import InputError, OutputError
from mien.core.files import open_input, replacing, write_bytes, write_text


def test_written_whole_in_a_new_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.txt"
    write_text(path, "größer")
    assert path.read_text(encoding="utf-8") == "größer"
    write_bytes(path, b"again")
    assert path.read_bytes() == b"again"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_others_may_read_it_as_the_umask_says(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write_text(tmp_path / "ours", "")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old", encoding="utf-8")

    def fail() -> None:
        with replacing(path) as temporary:
            assert temporary.suffix == ".txt"
            temporary.write_text("half", encoding="utf-8")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [(p.name, p.read_text(encoding="utf-8")) for p in tmp_path.iterdir()] == [("a.txt", "old")]


def test_a_folder_is_no_place_for_a_file(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"it is a folder. Give the name of a file"):
        write_text(tmp_path, "")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Can't write"):
        write_text(tmp_path / "file" / "a.txt", "")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_what_goes_wrong_while_writing_is_an_output_error(tmp_path: Path) -> None:
    def lose() -> None:
        with replacing(tmp_path / "a.txt") as temporary:
            temporary.unlink()

    with pytest.raises(OutputError, match="Nothing was left behind"):
        lose()
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_just_after_the_file_is_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(handle: int) -> None:
        close(handle)
        raise KeyboardInterrupt

    close = os.close
    monkeypatch.setattr(os, "close", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_text(tmp_path / "a.txt", "new")
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_too_long_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="Can't write"):
        write_text(tmp_path / ("x" * 300), "")


def test_reading(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    with open_input(str(tmp_path / "a")) as stream:
        assert stream.read() == b"abc"
    with pytest.raises(InputError, match="There is no file"):
        open_input(tmp_path / "b")
    with pytest.raises(InputError, match="is a folder, not a file"):
        open_input(tmp_path)
    with pytest.raises(InputError, match="Can't read"):
        open_input(tmp_path / "a" / "b")
    with pytest.raises(InputError, match="no regular file"):
        open_input("/dev/null")
