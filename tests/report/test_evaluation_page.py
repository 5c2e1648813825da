"""The page of an evaluation: parsed, self-contained, safe against any name, complete."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.core.errors import InputError, OutputError, UnknownNameError
from mien.core.labels import FER7, VALENCE3, LabelSet
from mien.datasets import Dataset, load_dataset
from mien.datasets.base import SplitOrigin
from mien.evaluation.compare import compare
from mien.evaluation.cost import Cost
from mien.evaluation.run import SplitEvaluation, judge
from mien.evaluation.slices import slice_by
from mien.report.evaluation_page import Entry, Whole, write_evaluation
from mien.report.evaluation_pictures import twin_pairs
from mien.report.evaluation_values import worst_mistakes
from tests.report.test_html import EVIL, Page


def data(name: str = "drawn", labels: LabelSet = FER7) -> Dataset:
    """Sixty training and ninety test images of nine persons. The first ten test images are twins of training ones, two of other labels."""
    rng = np.random.default_rng(3)
    n = 150
    images = rng.integers(0, 256, (n, 8, 8), np.uint8)
    targets = np.arange(n) % len(labels)
    images[60:70] = images[:10]
    targets[60:70] = targets[:10]
    targets[60:62] = (targets[60:62] + 1) % len(labels)
    votes = np.eye(len(labels), dtype=np.float32)[targets] * 0.75 + 0.25 / len(labels)
    subjects = np.array([f"P{i % 9}" for i in range(n)])
    split = np.where(np.arange(n) < 60, "train", "test")
    metadata = {"light": np.where(np.arange(n) % 2, "dim", "bright")}
    return Dataset(name, labels, images, targets, split, np.arange(n) + 1000, votes, subjects, metadata=metadata)


def scores(dataset: Dataset, seed: int = 0, skill: float = 2.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = dataset.split == "test"
    logits = rng.normal(size=(int(rows.sum()), len(dataset.labels))) + skill * np.eye(len(dataset.labels))[dataset.targets[rows]]
    powers = np.exp(logits)
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


@cache
def plain() -> SplitEvaluation:
    return judge(scores(data()), data(), "test", model="one")


def result(dataset: Dataset, name: str = "one", seed: int = 0, **options: Any) -> SplitEvaluation:
    return judge(scores(dataset, seed), dataset, "test", model=name, **options)


def write(path: Path, entries: list[Entry], datasets: Any = (), **options: Any) -> Page:
    write_evaluation(path, entries, datasets, **options)
    return Page(path)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[Page, Entry, Dataset]:
    dataset = replace(data(), origin=SplitOrigin("subject_folds", "2 of 5", "ab" * 32, "Two persons stand on both sides."))
    missing = np.zeros(90, bool)
    missing[::9] = True
    judged = result(dataset)
    entry = Entry(
        "one", judged, notes=("Three rows were left out.",), slices=(slice_by(judged, dataset, "light"),),
        whole=Whole("centerface", result(dataset, missing=missing)), sha256="cd" * 32,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("evaluation") / "r.html"
    return write(path, [entry], dataset, title="One on drawn", command="mien evaluate one --report r.html", top=9), entry, dataset


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Page:
    first, other = data(), data("three", VALENCE3)
    base = result(first)
    cost = Cost(8_400_000, 2_100_000, 120_000_000, 4.25, (4.0, 4.75), 512.0, 2, "Some processor")
    entries = [Entry("one", replace(base, warnings=("They are too high.",)), cost=cost, trained=True)]
    for seed in (1, 2):
        found = result(first, f"m{seed}", seed)
        entries.append(Entry(f"m{seed}", found, cost=Cost(), against=compare(found.scores, base.scores, base.targets, base.groups)))
    entries.append(Entry("one", result(other)))
    return write(tmp_path_factory.mktemp("several") / "r.html", entries, [first, other])


def test_what_a_model_was_trained_on_is_marked_among_several_data_sets(several: Page) -> None:
    assert several.source.count(" *</b>") == 1
    assert "*: the model was trained on the training part of this data set" in several.text
    assert "one on drawn: They are too high." in several.text


def test_it_refers_to_nothing_outside(full: tuple[Page, Entry, Dataset], several: Page) -> None:
    for page in (full[0], several):
        for tag, attrs in page.tags:
            for name in ("src", "href", "srcset", "action", "data", "poster"):
                value = attrs.get(name)
                assert value is None or value.startswith(("data:", "#m")), (tag, name, value[:80])
        assert not re.search(r"@import|url\(", "".join(page.code["style"]))
        assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", page.source).replace("http-equiv", "")
        assert "default-src 'none'" in page.source


def test_the_headline_has_every_figure_with_its_interval(full: tuple[Page, Entry, Dataset]) -> None:
    page, entry, _ = full
    for figures in (entry.result.overall, entry.result.clean, entry.whole.result.overall):
        assert f"{figures.accuracy:.1%}" in page.text
        assert f"{figures.accuracy_interval.low * 100:.1f}–{figures.accuracy_interval.high * 100:.1f}%" in page.text
        assert f"{figures.macro_f1_interval.low:.3f}–{figures.macro_f1_interval.high:.3f}" in page.text
        assert f"{figures.log_loss:.3f}" in page.text
    for words in ("KL to votes", "twins are drawn together", "Balanced acc.", "95% intervals"):
        assert words in page.text


def test_both_confusion_matrices_name_their_axes(full: tuple[Page, Entry, Dataset]) -> None:
    page, entry, _ = full
    assert len(page.all("table", "confusion")) == 2
    assert page.text.count("truth") >= 2
    assert page.text.count("predicted") >= 2
    cells = [int(text.replace(",", "")) for text in re.findall(r'<td[^>]*style="--v:\d+">([\d,]+)</td>', page.source)]
    assert cells[:49] == entry.result.overall.confusion.ravel().tolist()
    assert [attrs["style"] for attrs in page.all("td") if "style" in attrs][:1] == [
        f"--v:{100 * entry.result.overall.confusion[0, 0] / entry.result.overall.confusion[0].sum():.0f}"
    ]


def test_each_expression_has_its_three_figures(full: tuple[Page, Entry, Dataset]) -> None:
    page, entry, _ = full
    assert len(page.all("i", "whisk")) == 3 * 7
    for row in entry.result.overall.per_class:
        for value in (row.precision, row.recall, row.f1):
            assert f"{value:.1%}" in page.text


def test_confidence_is_drawn_and_told(full: tuple[Page, Entry, Dataset]) -> None:
    page, entry, _ = full
    assert len(page.all("svg", "chart")) == 2
    curve = entry.result.overall.selective
    assert f"{curve.accuracy_at(0.8):.1%}" in page.text
    assert f"{curve.threshold_at(0.9):.3f}" in page.text
    assert f"{curve.aurc:.4f}" in page.text


def test_twins_are_shown_with_what_they_were_in_training(full: tuple[Page, Entry, Dataset]) -> None:
    page, entry, dataset = full
    assert twin_pairs(entry.result, dataset) == [(60 + i, i) for i in range(10)]
    assert "10 images of 90 have an exact twin among the training images. 8 of them with the same label." in page.text
    assert len(page.all("figure", "other")) == 2
    right = entry.result.predicted == entry.result.targets
    assert f"right on {right[:10].mean():.1%} of them, and on {right[10:].mean():.1%} of the others" in page.text


def test_a_twin_that_is_no_row_is_told(tmp_path: Path) -> None:
    dataset = data()
    seen = np.zeros(150, bool)
    seen[100] = True
    known = replace(dataset, twin_in_train=seen)
    page = write(tmp_path / "r.html", [Entry("one", result(known))], known)
    assert "Its twin was published among the training images" in page.text
    assert (
        "None of these images"
        in write(tmp_path / "n.html", [Entry("one", result(replace(dataset, twin_in_train=np.zeros(150, bool))))], dataset).text
    )


def test_the_surest_mistakes_come_first_and_are_found_again(full: tuple[Page, Entry, Dataset]) -> None:
    page, entry, dataset = full
    places = worst_mistakes(entry.result, 9)
    confidence = entry.result.confidence[places]
    assert (np.diff(confidence) <= 0).all()
    assert (entry.result.predicted[places] != entry.result.targets[places]).all()
    wrong = np.flatnonzero(entry.result.predicted != entry.result.targets)
    assert confidence.min() >= np.sort(entry.result.confidence[wrong])[-9]
    for place in places:
        row = int(entry.result.rows[place])
        assert f"row {row}, subject {dataset.subjects[row]}, id {dataset.ids[row]}" in page.text
    assert "and below them the votes" in page.text


def test_a_row_without_an_answer_is_no_sure_mistake() -> None:
    dataset = data()
    missing = np.ones(90, bool)
    missing[:5] = False
    assert set(worst_mistakes(result(dataset, missing=missing), 50).tolist()) <= set(range(5))


def test_slices_and_whole_pictures_have_their_own_parts(full: tuple[Page, Entry, Dataset]) -> None:
    page, entry, _ = full
    assert "By light" in page.text
    assert f"{entry.slices[0].gap() * 100:.1f} points" in page.text
    assert "centerface found a face in 80 of 90 pictures (88.9%)" in page.text
    assert "10 of 90" not in page.text


def test_what_stands_against_the_figures_is_told(full: tuple[Page, Entry, Dataset]) -> None:
    page = full[0]
    for words in (
        "Take these figures with care",
        "Two persons stand on both sides.",
        "Three rows were left out.",
        "subject_folds, fold 2 of 5",
    ):
        assert words in page.text
    for words in ("ab" * 32, "mien evaluate one --report r.html", "cd" * 6):
        assert words in page.text


def test_several_models_stand_side_by_side(several: Page) -> None:
    for words in (
        "Against one",
        "Answering only when sure",
        "Accuracy on every data set",
        "Cost",
        "Some processor",
        "8.4 MB",
        "2.10 M",
        "4.00–4.75",
    ):
        assert words in several.text
    assert len(several.all("section", "chapter")) == 4
    assert [attrs["href"] for attrs in several.all("a")] == ["#m1", "#m2", "#m3", "#m4"]
    assert {attrs["id"] for attrs in several.all("section", "chapter")} == {"m1", "m2", "m3", "m4"}
    assert several.text.count("Take these figures with care") <= 1


def test_each_label_set_keeps_its_colours(several: Page) -> None:
    styles = [attrs["style"] for attrs in several.all("section", "chapter")]
    assert styles[0].count("--k") == 7
    assert styles[3].count("--k") == 3
    assert styles[0] != styles[3]


def test_without_the_data_set_there_are_words_alone(tmp_path: Path) -> None:
    page = write(tmp_path / "r.html", [Entry("one", plain())])
    assert not page.all("img")
    assert "row 6" in page.text


@pytest.mark.parametrize("name", EVIL)
def test_no_name_breaks_out(tmp_path: Path, name: str) -> None:
    dataset = data(name)
    odd = np.array([name] * 150)
    dataset = replace(dataset, subjects=odd, paths=odd, ids=odd, metadata={name: odd})
    judged = replace(plain(), dataset=name, warnings=(name,), origin=SplitOrigin(name, name, name, name))
    entry = Entry(
        name, judged, notes=(name,), slices=(slice_by(judged, dataset, name),), whole=Whole(name, judged), cost=Cost(hardware=name)
    )
    page = write(tmp_path / "r.html", [entry, entry], dataset, title=name, command=name)
    assert len(page.all("script")) == 1
    assert not [key for _, attrs in page.tags for key in attrs if key.startswith("on")]
    assert not [attrs for attrs in page.all("img") if not (attrs["src"] or "").startswith("data:image/jpeg")]


def test_a_page_takes_no_place_but_its_own(tmp_path: Path) -> None:
    entry = Entry("one", plain())
    with pytest.raises(UnknownNameError, match="report suffix"):
        write_evaluation(tmp_path / "r.png", [entry])
    with pytest.raises(InputError, match="at least one entry"):
        write_evaluation(tmp_path / "r.html", [])
    (tmp_path / "d.html").mkdir()
    with pytest.raises(OutputError, match="folder"):
        write_evaluation(tmp_path / "d.html", [entry])


def test_one_class_and_one_image_make_a_page(tmp_path: Path) -> None:
    dataset = data().take(np.array([0, 60]))
    one = judge(np.full((1, 7), 1 / 7, np.float32), dataset, "test")
    assert write(tmp_path / "r.html", [Entry("one", one)], dataset).all("section", "chapter")
    none = judge(np.full((1, 7), 1 / 7, np.float32), dataset, "test", missing=np.array([True]))
    page = write(tmp_path / "n.html", [Entry("one", none, whole=Whole("cascade", none))], dataset)
    assert "no answer" in page.text
    assert "cascade found a face in 0 of 1" in page.text


@pytest.mark.slow
def test_the_twins_of_fer2013_are_all_found(data_dir: Path) -> None:
    dataset = load_dataset("fer2013", data_dir)
    rows = np.flatnonzero(dataset.split == "validation")
    told = np.full((len(rows), 7), 0.05, np.float32)
    told[np.arange(len(rows)), dataset.targets[rows]] = 0.7
    pairs = twin_pairs(judge(told, dataset, "validation"), dataset)
    assert len(pairs) == 279
    assert sum(dataset.targets[row] == dataset.targets[twin] for row, twin in pairs) == 272
