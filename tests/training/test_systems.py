"""benchmarks/systems.py: what it keeps of a run, and what it makes of that."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest

from mien.artifact import load_model, save_artifact
from mien.core.errors import OptionError, RecipeError, TrainingError
from mien.evaluation.compare import compare
from mien.evaluation.run import evaluate
from mien.training.data import load_sets
from mien.training.parts import ARTIFACT
from mien.training.recipe import list_recipes, load_recipe
from mien.training.run import train
from tests.training.layouts import SEQUENCES

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SMALL = {
    "targets": '{fer7 = {dataset = "fer2013", options = {verify = false}}}',
    "phases": "[{epochs = 2, size = 24}]",
    "precision": '"32-true"',
    "optim.batch_size": "16",
    "optim.learning_rate": "3e-3",
}
RECIPE = "mini_xception"


@pytest.fixture(scope="module")
def systems() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield importlib.import_module("systems")


@pytest.fixture(scope="module")
def tables(systems: ModuleType) -> ModuleType:
    return importlib.import_module("systems_table")


@pytest.fixture(scope="module")
def run(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "short"
    train(load_recipe(RECIPE, SMALL), small_data, folder)
    return folder


@pytest.fixture(scope="module")
def kept(systems: ModuleType, run: Path, small_data: Path) -> tuple[dict[str, Any], str]:
    found: tuple[dict[str, Any], str] = systems.record({"short": [run]}, small_data, None)["short"]
    return found


@pytest.fixture
def records(systems: ModuleType, kept: tuple[dict[str, Any], str], tmp_path: Path) -> Path:
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "short.json").write_text(systems.as_text(kept[0]), encoding="utf-8")
    return tmp_path / "records"


@pytest.mark.slow
def test_a_record_holds_what_the_evaluation_says(
    tables: ModuleType, kept: tuple[dict[str, Any], str], records: Path, run: Path, small_data: Path
) -> None:
    facts, log = kept
    dataset = next(iter(load_sets(load_recipe(RECIPE, SMALL), small_data).values()))
    result = evaluate(load_model(run / ARTIFACT), dataset, "test")
    record = tables.read(records / "short.json")
    assert np.array_equal(tables.answers(record), result.predicted == result.targets)
    assert record["all"][1].low == pytest.approx(result.overall.accuracy_interval.low)
    assert result.clean is not None
    assert record["clean"][0] == pytest.approx(result.clean.accuracy)
    assert facts["runs"][0]["all"]["accuracy"] == pytest.approx(result.overall.accuracy, abs=1e-6)
    assert sum(facts["runs"][0]["all"]["right"].values()) == round(result.overall.accuracy * result.overall.n)
    assert facts["runs"][0]["sha256"] == load_model(run / ARTIFACT).card.sha256
    assert facts["runs"][0]["bytes"] == (run / ARTIFACT).stat().st_size
    assert facts["changes"]["phases.0.epochs"] == [100, 2]
    assert facts["changes"]["optim.learning_rate"] == [0.001, 0.003]
    assert facts["speed"]["latency_ms"] > 0
    assert len(log.splitlines()) == 3


@pytest.mark.slow
def test_the_log_of_a_long_run_is_thinned(systems: ModuleType, run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "long")
    head, row, *_ = (run / "log.csv").read_text(encoding="utf-8").splitlines()
    rows = [f"{number},{row.partition(',')[2]}" for number in range(1, 1000)]
    (tmp_path / "long" / "log.csv").write_text("\n".join([head, *rows]), encoding="utf-8")
    log = systems._log([tmp_path / "long"], systems.plan_in(tmp_path / "long"))
    assert [int(line.split(",")[1]) for line in log.splitlines()[1:]] == [1, *range(5, 1000, 5), 999]  # the best, every fifth, the last
    assert len(log) < 15_000


@pytest.mark.slow
def test_the_table_shows_a_record_and_what_was_not_run(tables: ModuleType, records: Path) -> None:
    text = tables.section(records)
    record = tables.read(records / "short.json")
    (line,) = [line for line in text.splitlines() if f"`{RECIPE}` |" in line and line.startswith("| mini")]
    assert tables.percent(*record["all"]) in line
    assert "2 of 100" in line
    assert "| not run |" in next(line for line in text.splitlines() if "`deepfer` |" in line)
    assert "phases.0.epochs 100 → 2" in " ".join(text.split())
    assert f"Ours: {tables.percent(*record['all'])}" in " ".join(text.split())


@pytest.mark.slow
def test_a_paragraph_says_how_far_a_claim_is_from_ours(tables: ModuleType, records: Path) -> None:
    record = tables.read(records / "short.json")
    middle, ends = record["all"]
    row: dict[str, Any] = {"system": "S", "recipe": RECIPE, "claim": 100 * ends.high + 5, "of": "test", "unknown": "Much."}
    text = tables.paragraph(row, record).replace("\n", " ")
    assert f"{row['claim'] - 100 * middle:.1f} points below." in text
    assert text.endswith("*Not known:* Much.")
    assert "the claim within the interval" in tables.paragraph(row | {"claim": 100 * ends.high - 0.01}, record).replace("\n", " ")
    assert "which reaches it" in tables.paragraph(row | {"claim": 0.0}, record).replace("\n", " ")
    assert "on other pictures" in tables.paragraph(row | {"same": False}, record).replace("\n", " ")
    by_class = tables.paragraph(row | {"right": {"fear": 3}}, record)
    assert f"fear 3 / {record['runs'][0]['all']['right']['fear']} of 4" in by_class.replace("\n", " ")


@pytest.mark.slow
def test_records_are_compared_picture_by_picture(systems: ModuleType, tables: ModuleType, records: Path) -> None:
    first = tables.read(records / "short.json")
    n, rng = first["n"], np.random.default_rng(0)
    right = rng.random((2, n)) < 0.6
    pair = [first | {"name": name, "runs": [{"seed": 0, "right": systems.packed(row)}]} for name, row in zip("ab", right, strict=True)]
    groups = np.arange(n)
    for places in first["together"]:
        groups[places] = places[0]
    scores = [np.stack([row, ~row], axis=1).astype(float) for row in right]
    want = compare(*scores, np.zeros(n, int), groups)
    _, told, alone, p = tables.difference(*pair)
    assert told == f"{tables.signed(want.difference, 2)} ({tables.signed(want.interval.low)} – {tables.signed(want.interval.high)})"
    assert (alone, p) == (f"{want.only_a} / {want.only_b}", f"{want.p_mid:.3f}")
    assert list(tables.differences([["x", "y"]], "", [])) == []
    several = [one | {"runs": [run | {"seed": seed} for seed, run in enumerate(one["runs"] * 2)]} for one in pair]
    several[1]["runs"][1]["right"] = pair[0]["runs"][0]["right"]
    _, told, by_seed, p = tables.difference(*several)
    assert told.startswith(f"{tables.signed(want.difference / 2, 2)} (")
    assert by_seed == f"by seed {tables.signed(want.difference, 2)}, +0.00"
    assert p == "0.500"  # of t = 1 with one degree of freedom, whatever the difference
    assert tables.difference(several[0], pair[1])[2:] == ("", "")
    other = dict(pair[1], recipe="y", rows="another split")
    assert list(tables.differences([[RECIPE, "y"]], "", [pair[0], other])) == []
    assert len(list(tables.differences([[RECIPE, "y"]], "", [pair[0], other | {"rows": first["rows"]}]))) == 3


@pytest.mark.slow
def test_several_seeds_are_one_record(systems: ModuleType, tables: ModuleType, run: Path, small_data: Path, tmp_path: Path) -> None:
    for seed in (0, 1):
        shutil.copytree(run, tmp_path / "out" / f"seed-{seed}")
    second = tmp_path / "out" / "seed-1"
    recipe = json.loads((second / "recipe.json").read_text(encoding="utf-8")) | {"seed": 1}
    (second / "recipe.json").write_text(json.dumps(recipe), encoding="utf-8")
    save_artifact(onnx.load(run / ARTIFACT), replace(load_model(run / ARTIFACT).card, version="of another length"), second / ARTIFACT)
    facts, log = systems.record({"out": systems.runs_in(tmp_path / "out")}, small_data, None)["out"]
    assert [one["seed"] for one in facts["runs"]] == [0, 1]
    assert [line.partition(",")[0] for line in log.splitlines()[1:]] == [f"{seed} {RECIPE}" for seed in (0, 0, 1, 1)]
    facts["runs"][1]["all"]["accuracy"] = facts["runs"][0]["all"]["accuracy"] - 0.02
    (tmp_path / "out.json").write_text(systems.as_text(facts | {"runs": [facts["runs"][0], facts["runs"][1] | {"best_epoch": [9]}]}))
    text = tables.section(tmp_path)
    assert "| 2; sd 1.41, ± 1.96 |" in text
    assert re.search(r"best \d – 9", text)


@pytest.mark.slow
def test_what_is_refused(systems: ModuleType, run: Path, small_data: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no recipe\.json"):
        systems.runs_in(tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    facts = json.loads((copy / "run.json").read_text(encoding="utf-8"))
    (copy / "run.json").write_text(json.dumps(facts | {"device": "cuda:0"}), encoding="utf-8")
    with pytest.raises(OptionError, match="--hardware"):
        systems.record({"copy": [copy]}, small_data, None)
    (copy / "curve.png").unlink()
    with pytest.raises(TrainingError, match="not finished"):
        systems.plan_in(copy)
    recipe = json.loads((copy / "recipe.json").read_text(encoding="utf-8"))
    (copy / "recipe.json").write_text("{", encoding="utf-8")
    with pytest.raises(TrainingError, match="is no JSON"):
        systems.plan_in(copy)
    recipe["optim"]["batch_size"] = 20
    (copy / "recipe.json").write_text(json.dumps(recipe), encoding="utf-8")
    (copy / "curve.png").touch()
    with pytest.raises(RecipeError, match="another recipe"):
        systems.record({"copy": [run, copy]}, small_data, "a machine")


@pytest.mark.slow
def test_figures_that_are_not_held_out_are_refused(systems: ModuleType, run: Path, small_data: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "copy")
    card = replace(load_model(run / ARTIFACT).card, selection="test")
    save_artifact(onnx.load(run / ARTIFACT), card, tmp_path / "copy" / ARTIFACT)
    with pytest.raises(RecipeError, match="selected on its test rows"):
        systems.record({"copy": [tmp_path / "copy"]}, small_data, None)


@pytest.mark.slow
def test_runs_on_other_rows_are_no_seeds_of_one_record(systems: ModuleType, run: Path, small_data: Path) -> None:
    with pytest.raises(RecipeError, match="leave folds out"):
        systems._run(run, systems.plan_in(run), small_data, {"rows": "another fold"})


@pytest.mark.slow
def test_other_data_are_refused(systems: ModuleType, run: Path, small_data: Path, tmp_path: Path) -> None:
    table = dict(np.load(small_data / "fer2013.npz"))
    table["emotion"] = np.where(table["usage"] == "PrivateTest", 3, table["emotion"])
    np.savez(tmp_path / "fer2013.npz", **table)
    with pytest.raises(TrainingError, match="Give the data that it was trained with"):
        systems.record({"short": [run]}, tmp_path, None)


@pytest.mark.slow
def test_the_command_records_and_writes_the_section_and_keeps_the_rest(
    systems: ModuleType, tables: ModuleType, run: Path, small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document, kept = tmp_path / "results.md", tmp_path / "kept"

    def command(*words: object) -> None:
        monkeypatch.setattr(sys, "argv", ["systems.py", "--records", str(kept), *map(str, words)])
        systems.main()

    command("record", run, "--data", small_data, "--name", "one")
    assert {path.name for path in kept.iterdir()} == {"one.json", "one.csv"}
    with pytest.raises(SystemExit):
        command("record", run, run, "--data", small_data)
    document.write_text("# Results\n\nText.\n", encoding="utf-8")
    for _ in range(2):
        command("table", "--out", document)
    assert document.read_text(encoding="utf-8") == "# Results\n\nText.\n\n" + tables.section(kept)
    assert tables.section_in(document) == tables.section(kept)
    assert tables.section_in(tmp_path / "none.md") == ""


def test_every_recipe_of_a_published_system_has_a_row(tables: ModuleType) -> None:
    claims = tables.tomllib.loads(tables.CLAIMS.read_text(encoding="utf-8"))
    rows = [row["recipe"] for group in claims["groups"] for row in group["rows"]]
    assert len(rows) == len(set(rows))
    ours = {name for name in list_recipes() if name.startswith("miennet")}
    assert set(rows) == set(list_recipes()) - ours - set(SEQUENCES)  # whose data are not at hand, or drawn: docs/sequences.md
    assert {name for pair in claims["differences"] for name in pair} <= set(rows)


def default_model_right() -> dict[str, int]:
    """The diagonal of the first confusion matrix of docs/results.md: the default model on FER2013 PrivateTest."""
    text = (BENCHMARKS.parent / "docs" / "results.md").read_text(encoding="utf-8").split("rows are the truth:")[1]
    rows = [line.strip("| ").split(" | ") for line in text.split("\n\n")[1].splitlines()]
    return {row[0]: int(row[place]) for place, row in enumerate(rows[2:], 1)}


def test_what_is_reckoned_from_the_papers_is_reckoned_rightly(tables: ModuleType) -> None:
    """Sums over the papers' own tables, and over the counts of PrivateTest."""
    text = " ".join(tables.CLAIMS.read_text(encoding="utf-8").split())
    counts = {"neutral": 626, "happiness": 879, "surprise": 416, "sadness": 594, "anger": 491, "disgust": 55, "fear": 528}
    claims = tables.tomllib.loads(tables.CLAIMS.read_text(encoding="utf-8"))
    sdl = next(row for group in claims["groups"] for row in group["rows"] if row["recipe"] == "sdl")["right"]
    three = ("happiness", "surprise", "disgust")
    right, of = sum(sdl[name] for name in three), sum(counts[name] for name in three)
    rest, others = sum(sdl.values()) - right, sum(counts.values()) - of
    assert f"{100 * right / of:.1f} % on happiness, surprise and disgust ({right:,} of {of:,})" in text
    assert f"{100 * rest / others:.1f} % on the other four classes ({rest:,} of {others:,})" in text
    ours = default_model_right()
    right = sum(ours[name] for name in three)
    shares = (100 * sum(ours.values()) / 3589, 100 * right / of, 100 * (sum(ours.values()) - right) / others)
    assert "at {:.2f} % in all, has {:.1f} % and {:.1f} %".format(*shares) in text
    assert f"{100 * sum(sdl.values()) / 3589:.3f}, is to the last digit" in text
    assert f"leave open is ±{196 * (0.7492 * 0.2508 / 3589) ** 0.5:.1f} points" in text
    assert f"is known to ±{196 * (0.7423 * 0.2577 / 700) ** 0.5:.1f} points" in text
    spread = 196 * ((0.7233 * 0.2767 + 0.6806 * 0.3194) / 3589) ** 0.5
    assert f"differ by more than {spread:.1f} points in one case of twenty" in text
    negative = sum(counts[name] for name in ("anger", "disgust", "fear", "sadness"))
    parts = np.array([negative, counts["neutral"], counts["happiness"]])
    assert (
        f'1,668, 626 and 879 pictures of them, so that "negative" for every picture is right in {100 * negative / parts.sum():.1f} %'
        in text
    )
    assert f"{100 * 23_469 / 39_682:.1f} % of its pictures are negative" in text
    for claim, recalls in ((0.84, (0.89, 0.61, 0.88)), (0.865, (0.90, 0.69, 0.87))):
        assert f"{100 * (claim - 0.1) / 0.9:.1f} % for the FER2013 part" in text
        assert f"{100 * float(parts @ recalls) / parts.sum():.1f} %" in text


def test_the_document_says_what_the_records_say(tables: ModuleType) -> None:
    """After a change of a record, a claim or the table: python benchmarks/systems.py table."""
    docs = BENCHMARKS.parent / "docs"
    assert tables.section_in(docs / "results.md") == tables.section(docs / "training" / "systems")


def test_records_and_logs_are_small(tables: ModuleType) -> None:
    folder = BENCHMARKS.parent / tables.RECORDS
    records = {path.stem: tables.read(path) for path in folder.glob("*.json")}
    assert {name for name, record in records.items() if tables.trained_by_epochs(record)} == {path.stem for path in folder.glob("*.csv")}
    assert max((path.stat().st_size for path in folder.iterdir()), default=0) < 32_768


def test_what_is_quoted_of_other_documents_stands_there(tables: ModuleType) -> None:
    text, docs = " ".join(tables.CLAIMS.read_text(encoding="utf-8").split()), BENCHMARKS.parent / "docs"
    audit, protocols = ((docs / name).read_text(encoding="utf-8") for name in ("audit.md", "protocols.md"))
    memory, honest = re.findall(r"\*\*(0\.\d{3})\*\*", re.search(r"\| accuracy \|.*", audit)[0])  # type: ignore[index]
    disgust = re.findall(r"\*\*(0\.\d\d)\*\*", re.search(r"\| disgust \| 899.*", audit)[0])  # type: ignore[index]
    assert f"reaches {100 * float(memory):.1f} % and a recall of {disgust[0]} for disgust" in text
    assert f"divided first, {100 * float(honest):.1f} % and {disgust[1]}" in text
    twins, same = re.search(r"\| exact twin \|.*?\| (\d+) \(8\.0 %\), (\d+) \|", audit).groups()  # type: ignore[union-attr]
    assert f"of the {twins} test pictures that stand in Training too, {int(twins) - int(same)} stand there under another one" in text
    assert "| `sdl_as_published` | 6,293 | 4,001 |" in protocols
    assert "Of the 6,293 test rows of this protocol 4,001 have an exact twin" in text
    assert "| `deepfer_balanced_as_published` | 700 | 27 |" in protocols
    assert "27 of the 700 test pictures have an exact twin" in text
