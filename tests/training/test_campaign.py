"""benchmarks/campaign.py and what stands beside it: plans, what they decide, runs that go on, and packs that travel."""

from __future__ import annotations

import csv
import importlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mien.artifact import load_model
from mien.core.errors import InputError, OptionError, RecipeError
from mien.datasets import load_dataset
from mien.models.registry import count_parameters
from mien.training.network import network
from mien.training.recipe import load_recipe

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
PLAN = """
seeds = [0, 1]
[set]
precision = "32-true"
"optim.batch_size" = 16
"model.options" = { stem = 8, widths = [8, 16], depths = [1, 1] }
"targets.fer8.options" = { keep = "all", verify = false, labels_from = "fer2013new.csv" }
"targets.fer7.options" = { verify = false }
phases = [{ epochs = 1, size = 24 }]

[[stages]]
name = "tricks"
recipe = "miennet_xs"
base = "base"
decides = "each"
[stages.units]
base = {}
cutmix = { "augment.cutmix" = 1.0 }
fer7 = { targets = { fer7 = { dataset = "fer2013", options = { verify = false } } } }

[[stages]]
name = "teachers"
recipe = "miennet_s"
adopt = ["tricks"]
export = true
fuse = true
[stages.units]
s = {}

[[stages]]
name = "students"
recipe = "miennet_s"
teachers = "teachers"
seeds = [0]
export = true
[stages.set]
"distill.augmented" = true
phases = [{ epochs = 4, size = 24 }]
[stages.units]
xs = { recipe = "miennet_xs" }
"""


@pytest.fixture(scope="module")
def campaign() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield importlib.import_module("campaign")


@pytest.fixture(scope="module")
def plans(campaign: ModuleType) -> ModuleType:
    return importlib.import_module("campaign_plan")


@pytest.fixture(scope="module")
def carry(campaign: ModuleType) -> ModuleType:
    return importlib.import_module("campaign_carry")


def _plan(plans: ModuleType, folder: Path, text: str = PLAN) -> Any:
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return plans.read_campaign(path)


def _finish(unit: Any, score: float, **more: float) -> None:
    unit.folder.mkdir(parents=True, exist_ok=True)
    heads = {f"accuracy_{head}": score for head in unit.recipe.targets}
    figures = {"seed": unit.recipe.seed, "score": score, "score_flip": score + 0.01, **heads, "parameters": 5, "seconds": 2.0} | more
    (unit.folder / "unit.json").write_text(json.dumps(figures))


@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_the_plans_that_ship_are_whole_and_never_read_private_test(plans: ModuleType, tmp_path: Path, name: str) -> None:
    plan = plans.read_campaign(BENCHMARKS / f"campaign_{name}.toml")
    units = [unit for stage in plan.stages for unit in plans.units_of(plan, stage, tmp_path)]
    assert not any(unit.recipe.evaluate_test for unit in units)
    assert len({unit.folder for unit in units}) == len(units)
    for recipe in {unit.recipe.model_dump_json(include={"model", "targets"}): unit.recipe for unit in units}.values():
        network(recipe)
    compared = [stage for stage in plan.stages if stage.decides]
    assert compared
    assert all(len(stage.seeds or plan.seeds) >= 3 for stage in compared)


@pytest.mark.parametrize(("name", "most"), [("miennet_xs", 300_000), ("miennet_s", 1_500_000), ("miennet_m", 6_000_000)])
def test_the_family_is_as_small_as_it_says(name: str, most: int) -> None:
    assert 0.7 * most < count_parameters(network(load_recipe(name))) <= most


def test_units_come_seed_by_seed_and_those_of_a_student_know_their_teachers(plans: ModuleType, tmp_path: Path) -> None:
    plan = _plan(plans, tmp_path)
    tricks, teachers, students = (plans.units_of(plan, stage, tmp_path) for stage in plan.stages)
    assert [(unit.name, unit.recipe.seed) for unit in tricks] == [(name, seed) for seed in (0, 1) for name in ("base", "cutmix", "fer7")]
    assert tricks[1].recipe.augment.cutmix == 1.0
    assert teachers[-1].members == tuple(unit.folder for unit in teachers[:2])
    assert students[0].recipe.distill.teachers == [str(tmp_path / "teachers" / "s" / f"seed-{seed}") for seed in (0, 1)]
    assert students[0].recipe.name == "miennet_xs"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('base = "base"', 'base = "nobody"', "no unit 'nobody'"),
        ('base = "base"\n', "", "names none"),
        ('adopt = ["tricks"]', 'adopt = ["students"]', "no earlier stage"),
        ('adopt = ["tricks"]\nexport = true', 'adopt = ["tricks"]', "export = true"),
        ("seeds = [0, 1]", "seed = 1", "Did you mean seeds"),
        ("[[stages]]", "[[stages", "can't be read"),
    ],
)
def test_a_plan_that_can_not_be_is_told(plans: ModuleType, tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        _plan(plans, tmp_path, PLAN.replace(old, new, 1))


def test_what_gains_more_than_its_error_over_three_seeds_is_adopted_once(plans: ModuleType, tmp_path: Path) -> None:
    plan = _plan(plans, tmp_path, PLAN.replace("seeds = [0, 1]", "seeds = [0, 1, 2]"))
    tricks, teachers, _ = plan.stages
    for unit in plans.units_of(plan, tricks, tmp_path):
        jitter = (0.001, 0.0, -0.001)[unit.recipe.seed]
        _finish(unit, {"base": 0.70, "cutmix": 0.71 + jitter, "fer7": 0.70 + 10 * jitter}[unit.name])
    assert plans.worth_it([0.009, 0.01, 0.011])
    assert not plans.worth_it([0.01, 0.01])  # two seeds
    assert not plans.worth_it([0.0005, 0.0006, 0.0007])  # too little
    assert all(unit.recipe.augment.cutmix == 1.0 for unit in plans.units_of(plan, teachers, tmp_path))
    assert set(plans.units_of(plan, teachers, tmp_path)[0].recipe.targets) == {"fer8", "fer7"}
    for unit in plans.units_of(plan, tricks, tmp_path):
        _finish(unit, 0.5)
    assert plans.decided(plan, tricks, tmp_path) == {"augment.cutmix": 1.0}


def test_the_tables_say_what_each_trick_gave(campaign: ModuleType, plans: ModuleType, tmp_path: Path) -> None:
    plan = _plan(plans, tmp_path, PLAN.replace("seeds = [0, 1]", "seeds = [0, 1, 2]"))
    for unit in plans.units_of(plan, plan.stages[0], tmp_path):
        if unit.name != "fer7":
            _finish(unit, {"base": 0.70, "cutmix": 0.71}[unit.name] + unit.recipe.seed / 1000)
    text = campaign.report(plan, tmp_path)
    assert "| base | 3 | 70.10 (0.10) | 70.10 (0.10) | 70.10 (0.10) |  | +1.00 | 5 | 2 |" in text
    assert "| cutmix | 3 | 71.10 (0.10) | 71.10 (0.10) | 71.10 (0.10) | +1.00 (0.00) ✓ |" in text
    assert "| fer7 | 0 |" in text
    with (tmp_path / "campaign.csv").open(encoding="utf-8") as file:
        assert [(row["unit"], row["seed"]) for row in csv.DictReader(file)][:2] == [("base", "0"), ("cutmix", "0")]
    document = tmp_path / "training.md"
    document.write_text("before\n<!-- campaign -->\nold\n<!-- /campaign -->\nafter\n", encoding="utf-8")
    documents = importlib.import_module("documents")
    documents.into(document, "campaign", text)
    assert documents.part(document, "campaign") == text.strip()
    assert "old" not in document.read_text(encoding="utf-8")
    assert document.read_text(encoding="utf-8").endswith("<!-- /campaign -->\nafter\n")
    document.write_text("nothing", encoding="utf-8")
    with pytest.raises(OptionError, match="no lines"):
        documents.into(document, "campaign", text)


@pytest.mark.slow
def test_a_campaign_that_is_killed_goes_on_and_ends(campaign: ModuleType, plans: ModuleType, small_data: Path, tmp_path: Path) -> None:
    lines = [line for line in PLAN.splitlines() if not line.startswith("fer7 = ")]
    plan, out = _plan(plans, tmp_path, "\n".join(lines)), tmp_path / "out"
    command = [sys.executable, str(BENCHMARKS / "campaign.py"), "run", str(small_data), "--plan", str(tmp_path / "plan.toml")]
    running = subprocess.Popen([*command, "--out", str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (out / "tricks" / "cutmix" / "seed-0" / "recipe.json").is_file() and time.monotonic() < deadline:
        time.sleep(0.02)
    running.kill()
    running.wait()
    first = out / "tricks" / "base" / "seed-0" / "unit.json"
    told = first.read_bytes(), first.stat().st_mtime_ns
    assert not campaign.run(plan, small_data, out, 0.0, [], print)  # no time
    said: list[str] = []
    assert campaign.run(plan.model_copy(update={"workers": 2}), small_data, out, None, ["tricks"], said.append)
    assert campaign.run(plan, small_data, out, None, [], said.append)
    assert (first.read_bytes(), first.stat().st_mtime_ns) == told
    assert not any("base/seed-0:" in line for line in said)
    joined = load_model(out / "teachers" / "ensemble" / "model.onnx").card
    assert {entry["split"] for entry in joined.metrics} == {"validation"}
    student = out / "students" / "xs"
    private = json.loads(campaign.ship(student, small_data, ["half"], tmp_path / "xs.onnx").read_text(encoding="utf-8"))
    assert [entry["overall"]["n"] for entry in private["test"]] == [28, 28]
    shipped = load_model(tmp_path / "xs.onnx").card
    assert (shipped.sha256, shipped.made_from["forms"]) == (private["sha256"], ["half"])
    assert [entry for entry in shipped.metrics if entry["split"] == "test"] == private["test"]
    with pytest.raises(OptionError, match="already"):
        campaign.ship(student, small_data)
    with pytest.raises(OptionError, match="no finished unit"):
        campaign.ship(out / "tricks" / "base", small_data)


def test_the_pictures_travel_without_those_of_private_test(carry: ModuleType, small_data: Path, tmp_path: Path) -> None:
    carry.pack_data(small_data, tmp_path / "data.zip")
    carry.unpack_data(tmp_path / "data.zip", tmp_path / "there")
    for name, options in (("fer2013", {}), ("ferplus", {"keep": "all", "labels_from": "fer2013new.csv"})):
        here, there = (load_dataset(name, folder, verify=False, **options) for folder in (small_data, tmp_path / "there"))
        held = here.split == "test"
        np.testing.assert_array_equal(here.images[~held], there.images[~held])
        assert not there.images[held].any()
        np.testing.assert_array_equal(here.targets, there.targets)
        np.testing.assert_array_equal(here.split, there.split)


def test_a_campaign_travels_as_far_as_there_is_room(
    carry: ModuleType, plans: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, out = _plan(plans, tmp_path), tmp_path / "out"
    for stage in plan.stages[:2]:
        for unit in plans.units_of(plan, stage, out):
            _finish(unit, 0.5)
    done, begun = out / "teachers" / "s" / "seed-0", out / "tricks" / "base" / "seed-1"
    (begun / "unit.json").unlink()
    for folder, name, size in ((done, "model.onnx", 9000), (done, "best.safetensors", 9000), (begun, "checkpoint.safetensors", 40_000)):
        (folder / name).write_bytes(bytes(size))
    monkeypatch.setattr(carry, "PART", 25_000)
    assert carry.pack_out(out, tmp_path / "packed", 60_000) == [begun / "checkpoint.safetensors"]
    assert carry.pack_out(out, tmp_path / "packed", 600_000) == []
    parts = sorted((tmp_path / "packed").glob("part-*"))
    assert len(parts) > 2
    assert max(part.stat().st_size for part in parts) <= 25_000
    carry.unpack_out(tmp_path / "packed", tmp_path / "back")
    wanted = {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert {path.relative_to(tmp_path / "back"): path.read_bytes() for path in (tmp_path / "back").rglob("*") if path.is_file()} == wanted
    parts[0].unlink()
    with pytest.raises(InputError, match="no whole pack"):
        carry.unpack_out(tmp_path / "packed", tmp_path / "other")
