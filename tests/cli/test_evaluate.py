from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.core.labels import FER7
from mien.evaluation.grouping import GROUPS
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


@pytest.fixture
def people(tmp_path) -> Path:
    return write_people(tmp_path / "people", 42)


def write_people(folder: Path, n: int) -> Path:
    """A manifest of pictures of persons by two kinds of light, each person with all seven expressions, in the test split."""
    rng = np.random.default_rng(1)
    lines = ["path,label,subject,split,light"]
    folder.mkdir()
    for number in range(n):
        person, label = divmod(number, 7)
        pixels = np.repeat(np.repeat(rng.integers(0, 256, (6, 6, 3), np.uint8), 8, axis=0), 8, axis=1)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        lines.append(f"{number}.png,{FER7[label]},P{person},test,{'dim' if person % 2 else 'bright'}")
    (folder / "manifest.csv").write_text("\n".join(lines))
    return folder


def test_everything_is_in_the_json(mien, people) -> None:
    words = ("evaluate", "default", "--dataset", "manifest", "--data", people)
    done = mien(*words, "--by", "light", "--by", "subject", "--minimum", 10, "--groups", "subjects", "--top", 3, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["model"]["name"] == "miennet-int8-flip"
    assert len(told["model"]["sha256"]) == 64
    assert (told["grouped_by"], told["overall"]["groups"]) == ("subjects", 6)
    assert len(told["curves"]["overall"]["reliability"]["count"]) == 15
    assert [one["column"] for one in told["slices"]] == ["light", "subject"]
    assert [part["n"] for part in told["slices"][0]["slices"]] == [21, 21]
    assert len(told["mistakes"]) == 3
    assert set(told["mistakes"][0]) == {"row", "id", "path", "truth", "predicted", "confidence"}
    assert told["mistakes"][0]["confidence"] >= told["mistakes"][2]["confidence"]
    assert told["whole"] is None
    assert any("6 groups" in sentence for sentence in told["warnings"])


def test_parts_are_in_the_table_with_their_gap(mien, people) -> None:
    done = mien("evaluate", "default", "--dataset", "manifest", "--data", people, "--by", "subject", "--minimum", 8)
    assert "P5 *" in done.stdout
    assert "* fewer than 8 images." in done.stdout
    assert "By subject, accuracy differs" not in done.stdout


def test_the_report_is_written_and_says_how(mien, people, tmp_path, monkeypatch) -> None:
    page = tmp_path / "out" / "r.html"
    words = ["evaluate", "default", "--dataset", "manifest", "--data", str(people), "--report", str(page), "--top", "2"]
    monkeypatch.setattr(sys, "argv", ["mien", *words])
    done = mien(*words)
    assert done.exit_code == 0, done.output
    assert f"Wrote {page}" in done.stdout
    text = page.read_text("utf-8")
    assert "mien evaluate default --dataset manifest" in text
    assert text.count("<img") == 2


def test_a_report_of_another_suffix_is_refused_before_the_work(mien, people, tmp_path) -> None:
    done = mien("evaluate", "default", "--dataset", "nothing", "--data", people, "--report", tmp_path / "r.png")
    assert done.exit_code == 1
    assert "report suffix" in done.stderr


@pytest.mark.slow
def test_whole_pictures_stand_beside_the_crops(mien, tmp_path) -> None:
    words = ("evaluate", "default", "--dataset", "manifest", "--data", write_people(tmp_path / "few", 4), "--whole")
    whole = mien(*words, "--detector", "whole")
    assert "manifest test, whole pictures" in whole.stdout
    assert "whole found a face in 4 of 4 pictures." in whole.stdout
    nothing = json.loads(mien(*words, "--min-score", "0.99", "--json").stdout)
    assert nothing["whole"]["detector"] == "centerface"
    assert nothing["whole"]["overall"]["accuracy"] == 0
    assert nothing["whole"]["overall"]["missing"][:4] == [1, 1, 1, 1]
    assert nothing["overall"]["n"] == 4
    assert "threshold" in mien(*words, "--detector", "whole", "--min-score", "0.5").stderr


def test_a_protocol_divides_the_data(mien, people) -> None:
    words = (
        "evaluate",
        "default",
        "--dataset",
        "manifest",
        "--data",
        people,
        "--protocol",
        "subject_folds",
        "--protocol-option",
        "folds=3",
    )
    told = json.loads(mien(*words, "--fold", 2, "--json").stdout)
    assert (told["origin"]["protocol"], told["origin"]["fold"]) == ("subject_folds", "2 of 3")
    assert len(told["origin"]["sha256"]) == 64
    assert told["overall"]["n"] == 14
    several = mien(*words)
    assert several.exit_code == 2
    assert "3 folds" in several.stderr


def test_labels_are_read_as_another_set(mien, people) -> None:
    words = ("evaluate", "default", "--dataset", "manifest", "--data", people, "--labels")
    assert json.loads(mien(*words, "valence3", "--json").stdout)["overall"]["label_set"] == "valence3"
    assert "fer7" in mien(*words, "fer70").stderr


def test_rows_are_those_that_the_table_keeps(mien, people, tmp_path) -> None:
    table = tmp_path / "clean.csv"
    table.write_text("\n".join(["id,split,keep,reason", *(f"{i}.png,test,{'yes' if i < 30 else 'no'}," for i in range(42))]))
    done = mien("evaluate", "default", "--dataset", "manifest", "--data", people, "--rows", table, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["overall"]["n"] == 30


def test_a_temperature_is_fitted_on_validation(mien, data) -> None:
    words = ("evaluate", "default", "--dataset", "fer2013", "--data", data, "--option", "verify=false", "--calibrate")
    done = mien(*words)
    assert done.exit_code == 0, done.output
    assert "One more temperature" in done.stdout
    assert "another one" in mien(*words, "--split", "validation").stderr


@pytest.mark.parametrize(
    "words",
    [["--fold", "2"], ["--protocol-option", "folds=3"], ["--detector", "cascade"], ["--min-score", "0.5"], ["--top", "-1"]],
)
def test_options_that_need_another_are_wrong_usage_without_it(mien, people, words) -> None:
    assert mien("evaluate", "default", "--dataset", "manifest", "--data", people, *words).exit_code == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [(["--by", "lihgt"], "light"), (["--groups", "people"], "subjects"), (["--protocol", "subject_fold"], "subject_folds")],
)
def test_a_wrong_name_tells_the_near_ones(mien, people, words, says) -> None:
    done = mien("evaluate", "default", "--dataset", "manifest", "--data", people, *words)
    assert done.exit_code == 1
    assert says in done.stderr


def test_the_help_names_every_kind_of_group(mien) -> None:
    told = mien("evaluate", "--help").stdout
    assert all(name in told for name in GROUPS)
