from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.audit.findings import KINDS
from mien.audit.rules import RULES
from mien.datasets import load_dataset
from tests.datasets.fakes import fake, write_parquet

ON = ("--option", "verify=false")


@pytest.fixture
def data(tmp_path) -> Path:
    """FER2013 in small: test row 10 has the pixels of training row 0 under the same label, row 12 those of row 2 under another one."""
    made = fake()
    images, codes = made.images.copy(), made.codes.copy()
    images[10], images[12], codes[10] = images[0], images[2], codes[0]
    (tmp_path / "data").mkdir()
    write_parquet(tmp_path / "data", replace(made, images=images, codes=codes), votes=False)
    return tmp_path / "data"


@pytest.fixture
def clean_data(tmp_path) -> Path:
    """FER2013 in small without any twin."""
    (tmp_path / "data").mkdir()
    write_parquet(tmp_path / "data", fake(), votes=False)
    return tmp_path / "data"


def test_the_table_names_every_leak_and_what_it_comes_to(mien, data) -> None:
    done = mien("data", "audit", "fer2013", "--data", data, *ON)
    assert done.exit_code == 0, done.output
    assert "fer2013: 14 rows (train 7, validation 3, test 4); split: official." in done.stdout
    assert "twins_across_splits" in done.stdout
    assert "conflicting_labels" in done.stdout
    assert re.search(r"Leaks: \d+\. Faults: \d+\.", done.stdout)


def test_a_clean_split_says_so_and_passes_the_strict_check(mien, clean_data) -> None:
    done = mien("data", "audit", "fer2013", "--data", clean_data, *ON, "--strict", "--split", "train")
    assert done.exit_code == 0, done.output
    assert "No leak and no fault was found." in done.stdout
    assert "one split alone: whether rows of it are in another was not looked for" in done.stdout


def test_strict_is_exit_code_1(mien, data) -> None:
    assert mien("data", "audit", "fer2013", "--data", data, *ON, "--strict").exit_code == 1


def test_json_is_the_audit_alone(mien, data) -> None:
    done = mien("data", "audit", "fer2013", "--data", data, *ON, "--no-near", "--json")
    found = json.loads(done.stdout)
    assert found["schema"] == "mien-audit/1"
    assert found["n"] == 14
    assert not found["clean"]
    assert found["cleaned"] is None
    assert found["written"] == []
    assert "near_twins" not in found["checks"]
    leak = next(one for one in found["findings"] if one["kind"] == "twins_across_splits")
    assert leak["rows"] == [0, 2, 10, 12]


def test_the_page_shows_the_twins(mien, data, tmp_path) -> None:
    done = mien("data", "audit", "fer2013", "--data", data, *ON, "--report", tmp_path / "r.html")
    assert done.exit_code == 0, done.output
    assert f"Wrote {tmp_path / 'r.html'}." in done.stdout
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "Audit of fer2013" in page
    assert "<b>10</b>" in page


def test_a_cleaned_manifest_is_read_back_and_leaks_no_more(mien, data, tmp_path) -> None:
    target = tmp_path / "clean.csv"
    rules = ("--rule", "train-clean", "--rule", "drop-conflicts")
    done = mien("data", "audit", "fer2013", "--data", data, *ON, "--write-clean", target, *rules, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["cleaned"]["rules"] == ["drop-conflicts", "train-clean"]
    assert told["written"] == [str(target)]
    assert told["cleaned"]["splits"]["train"] == {"rows": 7, "kept": 5, "drop-conflicts": 1, "train-clean": 1}
    with target.open(newline="", encoding="utf-8") as file:
        lines = {line["id"]: line for line in csv.DictReader(file)}
    assert [i for i, line in lines.items() if line["keep"] == "0"] == ["0", "2", "12"]
    assert load_dataset("fer2013", data, verify=False, rows=target).ids.tolist() == [1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13]
    again = mien("data", "audit", "fer2013", "--data", data, *ON, "--rows", target, "--json")
    left = json.loads(again.stdout)
    assert left["n"] == 11
    assert not [one for one in left["findings"] if one["severity"] == "leak"]


def test_the_table_shows_what_the_rules_keep(mien, data, tmp_path) -> None:
    done = mien("data", "audit", "fer2013", "--data", data, *ON, "--write-clean", tmp_path / "c.csv", "--rule", "test-clean")
    assert done.exit_code == 0, done.output
    assert re.search(r"^test +4 +2 +2", done.stdout, re.M)


def test_the_split_of_a_protocol_is_audited(mien, tmp_path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (28, 6, 6), np.uint8).repeat(8, 1).repeat(8, 2)
    folder = tmp_path / "data"
    folder.mkdir()
    made = replace(fake(), images=images, codes=np.array([0] * 16 + list(range(1, 7)) * 2), usage=("Training",) * 28)
    write_parquet(folder, made, votes=False)
    words = ("data", "audit", "fer2013", "--data", folder, *ON, "--no-near", "--json", "--protocol")
    done = mien(*words, "sdl_as_published")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["origin"]["protocol"] == "sdl_as_published"
    assert {"copies_across_splits", "oversampled"} & {one["kind"] for one in found["findings"] if one["severity"] == "leak"}
    refused = mien(*words, "sdl_as_published", "--write-clean", tmp_path / "c.csv", "--rule", "first")
    assert refused.exit_code == 1
    assert "by id" in refused.stderr


def test_a_fold_of_several_has_to_be_chosen(mien, tmp_path) -> None:
    (tmp_path / "data").mkdir()
    write_parquet(tmp_path / "data", replace(fake(), codes=np.arange(14) % 2), votes=False)
    words = ("data", "audit", "fer2013", "--data", tmp_path / "data", *ON, "--no-near", "--protocol", "stratified_folds")
    folds = ("--protocol-option", "folds=2")
    refused = mien(*words, *folds)
    assert refused.exit_code == 2
    assert "1 of 2" in refused.stderr
    chosen = mien(*words, *folds, "--fold", "2")
    assert chosen.exit_code == 0, chosen.output
    assert "split: stratified_folds 2 of 2." in chosen.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["fer2031"], "fer2013"),
        (["fer2013", "--split", "tset", *ON], "test"),
        (["fer2013", "--protocol", "offical", *ON], "official"),
        (["fer2013", "--option", "verfy=false"], "verify"),
        (["fer2013", "--report", "r.png", *ON], ".html"),
        (["fer2013", "--write-clean", "c.html", "--rule", "first", *ON], ".csv"),
        (["fer2013", "--write-clean", "c.csv", "--rule", "frist", *ON], "first"),
        (["fer2013", "--threshold", "2", *ON], "2"),
    ],
)
def test_what_cannot_be_audited_is_one_line(mien, data, words, says) -> None:
    done = mien("data", "audit", "--data", data, *words)
    assert done.exit_code == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert says in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["--write-clean", "c.csv"],
        ["--rule", "first"],
        ["--fold", "1"],
        ["--protocol-option", "folds=2"],
        ["--protocol", "stratified_folds", "--protocol-option", "fold=2"],
        ["--protocol", "stratified", "--protocol-option", "seed=2"],
        ["--option", "verify"],
        ["--seed", "-1"],
    ],
)
def test_wrong_usage_is_exit_code_2(mien, data, words) -> None:
    assert mien("data", "audit", "fer2013", "--data", data, *words).exit_code == 2


def test_a_split_without_rows_is_told(mien, tmp_path) -> None:
    made = fake()
    (tmp_path / "data").mkdir()
    write_parquet(tmp_path / "data", replace(made, usage=("Training",) * 14), votes=False)
    done = mien("data", "audit", "fer2013", "--data", tmp_path / "data", *ON, "--split", "test")
    assert done.exit_code == 1
    assert "no row in the split test" in done.stderr


def test_the_document_says_of_every_kind_and_rule_what_the_code_says() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "audit.md").read_text("utf-8")
    kinds, rules = text.split("## What is looked for")[1].split("## The cleaned manifest")
    assert dict(re.findall(r"^\| `([a-z_]+)` \| (.+) \|$", kinds, re.M)) == KINDS
    assert dict(re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", rules, re.M)) == {name: rule.says for name, rule in RULES.items()}
