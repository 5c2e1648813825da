from __future__ import annotations

import json
from pathlib import Path

import pytest

from mien.datasets import DATASETS
from mien.datasets.terms import TERMS
from tests.datasets.fakes_stills import write_jaffe, write_rafdb
from tests.datasets.test_folder import picture


def test_list_names_every_data_set(mien, tmp_path: Path) -> None:
    done = mien("data", "list")
    assert done.exit_code == 0, done.output
    assert [line.split()[0] for line in done.stdout.splitlines()[2:] if line.strip()] == list(DATASETS)
    assert "Found in" not in done.stdout


def test_list_says_what_lies_there(mien, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_jaffe(tmp_path / "jaffe")
    listed = json.loads(mien("data", "list", "--data", tmp_path, "--json").stdout)
    found = {entry["name"]: entry["found"] for entry in listed}
    assert found.pop("jaffe") == str(tmp_path / "jaffe")
    assert not any(found.values())
    monkeypatch.setenv("MIEN_DATA", str(tmp_path))
    assert str(tmp_path / "jaffe") in mien("data", "list").stdout


@pytest.mark.parametrize("name", DATASETS)
def test_fetch_tells_the_terms_and_downloads_nothing(name: str, mien, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = mien("data", "fetch", name)
    assert done.exit_code == 0, done.output
    words = " ".join(done.stdout.split())
    for sentence in (TERMS[name].terms, TERMS[name].source, *TERMS[name].steps):
        assert sentence in words
    assert json.loads(mien("data", "fetch", name, "--json").stdout)["steps"] == list(TERMS[name].steps)
    assert not list(tmp_path.iterdir())


def test_verify_counts_and_ends_with_1(mien, tmp_path: Path) -> None:
    write_rafdb(tmp_path)
    done = mien("data", "verify", "rafdb", "--data", tmp_path)
    assert done.exit_code == 1
    assert "704 missing" in done.stdout
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stderr.startswith("mien: rafdb is partial: Found: 1 of 705 train anger")
    told = json.loads(mien("data", "verify", "rafdb", "--data", tmp_path, "--json", "--quick").stdout)
    assert (told["state"], told["found"]) == ("partial", 14)
    assert {"split": "train", "label": "anger", "found": 1, "expected": 705} in told["counts"]


def test_verify_a_whole_folder(mien, tmp_path: Path) -> None:
    picture(tmp_path / "contempt" / "a.png")
    done = mien("data", "verify", "folder", "--data", tmp_path, "--option", "labels=fer8")
    assert done.exit_code == 0, done.output
    assert "folder is whole: 1 pictures" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("verify", "ckplus", "--data", "."), 1, "mien data fetch ckplus"),
        (("verify", "ckplsu", "--data", "."), 1, "Did you mean ckplus"),
        (("verify", "ckplus", "--data", ".", "--option", "frame=all"), 1, "Did you mean frames"),
        (("fetch", "jafe"), 1, "jaffe"),
        (("verify", "ckplus"), 2, "--data"),
        (("list", "--data", "nowhere"), 2, "nowhere"),
        (("verify", "ckplus", "--data", ".", "--option", "frames"), 2, "KEY=VALUE"),
    ],
)
def test_what_cannot_be_done_is_one_line(mien, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words, code, says) -> None:
    monkeypatch.chdir(tmp_path)
    done = mien("data", *words)
    assert done.exit_code == code
    assert says in done.stderr
    if code == 1:
        assert len(done.stderr.strip().splitlines()) == 1


def test_the_group_lists_its_commands(mien) -> None:
    text = mien("data", "--help").stdout
    assert all(f"  {name} " in text for name in ("list", "verify", "audit", "fetch"))


def test_fetch_writes_what_mien_makes(mien, tmp_path: Path) -> None:
    done = mien("data", "fetch", "avatars", "--out", tmp_path / "drawn", "--option", "n=42", "--option", "size=32")
    assert done.exit_code == 0, done.output
    read = mien("data", "verify", "manifest", "--data", tmp_path / "drawn")
    assert "42 pictures" in read.stdout, read.output
    told = mien("data", "fetch", "avatars", "--out", tmp_path / "more", "--option", "n=1", "--json")
    assert json.loads(told.stdout) == {"name": "avatars", "written": [str(tmp_path / "more" / "manifest.csv")]}


def test_an_option_that_a_message_tells_can_be_typed(mien, tmp_path: Path) -> None:
    picture(tmp_path / "happy" / "a.png")
    (tmp_path / "happy" / "b.png").write_bytes(b"")
    words = ("data", "audit", "folder", "--data", tmp_path, "--no-near")
    assert "strict=False" in mien(*words).stderr
    assert mien(*words, "--option", "strict=False").exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"), [(("jaffe", "--out", "x"), "not mien's to write"), (("avatars", "--option", "n=3"), "give --out")]
)
def test_fetch_refuses_what_it_can_not_write(words: tuple[str, ...], said: str, mien) -> None:
    done = mien("data", "fetch", *words)
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())
