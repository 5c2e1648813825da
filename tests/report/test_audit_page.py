"""The page of an audit: parsed, self-contained, safe against any name, complete, bounded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.audit.findings import KINDS
from mien.audit.rules import remedies
from mien.core.errors import InputError, OutputError, UnknownNameError
from mien.core.labels import FER7
from mien.datasets.base import Dataset, SplitOrigin
from mien.report import audit_pictures
from mien.report.audit_page import write_audit
from tests.audit.handmade import alone, finding, rows
from tests.report.test_html import EVIL, Page

FOUND = (
    finding("twins_across_splits", [0, 5], [3, 6], first="train", same_label=1, by_class={"neutral": [1, 2], "anger": [1, 1]}),
    finding("near_twins", [1, 2], scores=[0.9712], classes={"anger": {"rows": 1200, "seen_share": 0.98765}}),
    alone("constant", 4),
    finding("missing_labels", severity="note", splits={"train": 1200}),
    finding("unreadable", severity="note", notes=[f"Row {n} is <broken>." for n in range(25)]),
)


def write(path: Path, dataset: Dataset | None = None, found: Any = FOUND, **options: Any) -> Page:
    options = {"checks": tuple(KINDS), "about": KINDS, "remedies": remedies(rows()), **options}
    write_audit(path, rows() if dataset is None else dataset, found, **options)
    return Page(path)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return write(tmp_path_factory.mktemp("audit") / "r.html")


def test_it_refers_to_nothing_outside(page: Page) -> None:
    for tag, attrs in page.tags:
        for name in ("src", "href", "srcset"):
            value = attrs.get(name)
            assert value is None or value.startswith("data:"), (tag, name, value[:80])
    assert not re.search(r"@import|url\(", "".join(page.code["style"]))
    assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", page.source).replace("http-equiv", "")


def test_it_says_how_much_of_what_was_found(page: Page) -> None:
    for words in ("Audit of hand", "8 rows", "2 leaks", "1 fault", "2 notes", "16 × 16, gray", "This split leaks"):
        assert words in page.text
    assert [attrs["class"] for attrs in page.all("article", "finding")] == [
        "card finding leak",
        "card finding leak",
        "card finding fault",
        *["card finding note-finding"] * 2,
    ]


def test_pictures_stand_side_by_side_with_identity_split_and_label(page: Page) -> None:
    assert len(page.all("li", "group")) == 4
    named = [attrs["alt"] for attrs in page.all("img")]
    assert named[:4] == ["a, train, neutral", "f, test, neutral", "d, validation, neutral", "g, test, anger"]
    assert named[4:] == ["b, train, happiness", "c, train, surprise", "e, validation, sadness"]
    assert len(page.all("span", "differs")) == 4
    assert "lowest correlation 0.971" in page.text
    assert "2 groups, 4 rows" in page.text


def test_the_tables_of_a_finding_are_shown(page: Page) -> None:
    assert "By class: neutral 1 of 2 (50%), anger 1 of 1 (100%)." in page.text
    assert "rowsseen shareanger1,2000.988" in page.text
    assert "Splits: train 1,200." in page.text
    assert "Row 19 is <broken>." in page.text
    assert "Row 20" not in page.text
    assert "And 5 more." in page.text


def test_the_balance_of_classes_is_told_once(tmp_path: Path) -> None:
    found = finding("class_balance", severity="note", splits={"train": {"neutral": 12345}})
    assert "12,345" not in write(tmp_path / "balance.html", found=[found]).text


def test_the_rules_that_help_are_named(page: Page) -> None:
    assert "by the rule test-clean or train-clean or first" in page.text
    assert "by the rule drop-constant" in page.text


def test_the_rows_of_every_class_are_counted(page: Page) -> None:
    text = " ".join(page.text.split())
    assert "neutral33% 150% 133% 1" in text
    assert "no label0% 00% 033% 1" in text


def test_a_split_without_leaks_says_so_and_what_was_not_looked_for(tmp_path: Path) -> None:
    fine = write(tmp_path / "fine.html", found=(), checks=[kind for kind in KINDS if kind != "near_twins"])
    assert "No leak and no fault was found." in fine.text
    assert "Not looked for: near twins." in fine.text
    faulty = write(tmp_path / "faulty.html", found=[alone("constant", 4)])
    assert "No leak was found, but" in faulty.text


def test_many_groups_and_large_groups_are_cut_and_counted(tmp_path: Path) -> None:
    n = 200
    images = np.zeros((n, 8, 8), np.uint8)
    split = np.array(["train"] * (n - 1) + ["test"])
    dataset = Dataset("many", FER7, images, np.zeros(n, np.int64), split, np.arange(n))
    pairs = finding("exact_twins", *([i, i + 1] for i in range(0, 100, 2)))
    large = finding("near_twins", list(range(100, 200)))
    lone = alone("constant", *range(60))
    dataset.targets[0] = 1  # pictures that do not belong together are allowed to differ
    page = write(tmp_path / "many.html", dataset, [pairs, large, lone])
    assert "And 18 more groups." in page.text
    assert "92 more pictures" in page.text
    assert "44 more pictures" in page.text
    assert "24 more groups" in page.text
    assert len(page.all("img")) == audit_pictures.GROUPS * 2 + audit_pictures.IN_GROUP + audit_pictures.ALONE
    assert len(page.all("span", "differs")) == 2
    assert "199, test, neutral" in [attrs["alt"] for attrs in page.all("img")]


def test_names_from_outside_stay_words(tmp_path: Path) -> None:
    dataset = rows(ids=np.array([*EVIL, "g", "h"]), name="<b>bold</b>", origin=SplitOrigin("<i>", "1 of 2", "ab" * 32, "leaks"))
    page = write(tmp_path / "evil.html", dataset, command="mien data audit '<script>'")
    assert not page.all("b", "bold")
    assert not page.all("script", "alert")
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert "<b>bold</b>" in page.text
    assert "<i>, 1 of 2" in page.text
    assert "mien data audit '<script>'" in page.text
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]


def test_colour_large_and_unusual_pictures_are_shown(tmp_path: Path) -> None:
    for shape in ((8, 400, 300, 3), (8, 1, 1), (8, 900, 2)):
        page = write(tmp_path / "shape.html", rows(images=np.full(shape, 90, np.uint8)))
        assert len(page.all("img")) == 7
    assert (tmp_path / "shape.html").stat().st_size < 100_000


def test_the_cleaned_manifest_has_its_table(tmp_path: Path) -> None:
    kept = {
        "train": {"rows": 1000, "kept": 900, "train-clean": 100},
        "validation": {"rows": 0, "kept": 0, "train-clean": 0},
        "test": {"rows": 10, "kept": 10, "train-clean": 0},
    }
    text = " ".join(write(tmp_path / "clean.html", kept=kept).text.split())
    assert "Splitrowskepttrain-clean" in text
    assert "train1,000900100" in text
    assert "All1,010910100" in text


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"\.html"):
        write(tmp_path / "r.png")


def test_the_findings_of_another_data_set_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="names rows beyond"):
        write(tmp_path / "r.html", found=[alone("constant", 8)])
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write(tmp_path / "file" / "r.html")
