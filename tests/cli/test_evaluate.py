from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.datasets.fakes import fake, write_csv, write_parquet


@pytest.fixture
def data(tmp_path) -> Path:
    """FER2013 in small, with its FER+ votes, and every class in the test split."""
    (tmp_path / "data").mkdir()
    write_csv(tmp_path / "data", fake(), "icml_face_data.csv")
    return tmp_path / "data"


def test_the_table_has_n_and_an_interval(mien, data) -> None:
    done = mien("evaluate", "default", "--dataset", "fer2013", "--data", data, "--split", "private", "--option", "verify=false")
    assert done.exit_code == 0, done.output
    assert "fer2013 test" in done.stdout
    assert "95 % interval" in done.stdout


@pytest.mark.parametrize(
    ("word", "split"),
    [
        ("train", "train"),
        ("training", "train"),
        ("public", "validation"),
        ("PublicTest", "validation"),
        ("val", "validation"),
        ("valid", "validation"),
        ("validation", "validation"),
        ("private", "test"),
        ("privatetest", "test"),
        ("test", "test"),
    ],
)
def test_a_split_has_the_words_of_the_data_set(mien, data, word, split) -> None:
    done = mien("evaluate", "default", "--dataset", "fer2013", "--data", data, "--split", word, "--option", "verify=false", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["split"] == split


def test_clean_stands_beside_the_whole(mien, data) -> None:
    words = ("evaluate", "default", "--dataset", "fer2013", "--data", data, "--option", "verify=false")
    assert json.loads(mien(*words, "--json").stdout)["clean"] is None
    clean = json.loads(mien(*words, "--json", "--clean").stdout)
    assert clean["clean"]["n"] == clean["overall"]["n"] == 4
    assert "fer2013 test, clean" in mien(*words, "--clean").stdout


def test_labels_from_picks_the_votes(mien, tmp_path) -> None:
    write_parquet(tmp_path, fake())
    words = ("evaluate", "default", "--dataset", "ferplus", "--data", tmp_path, "--split", "train", "--option", "verify=false", "--json")
    done = mien(*words, "--labels-from", "fer2013new.csv")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["overall"]["label_set"] == "fer8"
    assert mien(*words, "--labels-from", "nothing.csv").exit_code == 1


def test_the_data_folder_may_come_from_the_environment(mien, data, monkeypatch) -> None:
    monkeypatch.setenv("MIEN_DATA", str(data))
    assert mien("evaluate", "default", "--dataset", "fer2013", "--option", "verify=false").exit_code == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--dataset", "fer2031"], "fer2013"),
        (["--dataset", "fer2013", "--split", "tset"], "test"),
        (["--dataset", "fer2013", "--option", "verfy=false"], "verify"),
        (["--dataset", "ferplus", "--option", "verify=false"], "FER+"),
    ],
)
def test_what_cannot_be_evaluated_is_one_line(mien, data, words, says) -> None:
    done = mien("evaluate", "default", "--data", data, *words)
    assert done.exit_code == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert says in done.stderr


def test_wrong_usage_is_exit_code_2(mien, data) -> None:
    assert mien("evaluate", "default", "--dataset", "fer2013").exit_code == 2
    assert mien("evaluate", "default", "--data", data).exit_code == 2
    assert mien("evaluate", "default", "--dataset", "fer2013", "--data", data, "--option", "verify").exit_code == 2
