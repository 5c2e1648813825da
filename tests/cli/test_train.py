from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.datasets.fakes import fake, write_csv

RECIPE = """
name = "tiny"
evaluate_test = false
precision = "32-true"
phases = [{ epochs = 2, size = 16 }]
optim = { batch_size = 2 }
model = { name = "miennet" }
targets.fer7 = { dataset = "fer2013", options = { verify = false } }
"""


@pytest.fixture
def words(tmp_path) -> list[object]:
    """A run of seconds: a small recipe over small data."""
    (tmp_path / "data").mkdir()
    write_csv(tmp_path / "data", fake())
    (tmp_path / "tiny.toml").write_text(RECIPE, encoding="utf-8")
    return ["train", tmp_path / "tiny.toml", "--data", tmp_path / "data"]


@pytest.mark.slow
def test_a_run_ends_with_a_model_that_can_be_used(mien, words, tmp_path) -> None:
    done = mien(*words, "--out", tmp_path / "run", "--set", "phases=[{epochs=1, size=16}]", "--json")
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert result["epochs"] == 1
    assert mien("models", "info", result["model"]).exit_code == 0

    again = mien(*words, "--out", tmp_path / "run")
    assert again.exit_code == 1
    assert "--resume" in again.stderr

    exported = mien("export", tmp_path / "run", "--onnx", tmp_path / "mine.onnx")
    assert exported.exit_code == 0
    assert Path(tmp_path / "mine.onnx").read_bytes() == Path(result["model"]).read_bytes()


@pytest.mark.parametrize(
    ("setting", "says"),
    [("optim.batch_sise=4", "batch_size"), ("optim.batch_size=1", "optim.batch_size"), ("model.name=mienet", "miennet")],
)
def test_a_setting_that_cannot_be_is_one_line(mien, words, tmp_path, setting, says) -> None:
    done = mien(*words, "--out", tmp_path / "run", "--set", setting)
    assert done.exit_code == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert says in done.stderr


def test_an_unknown_recipe_names_those_there_are(mien, words) -> None:
    done = mien("train", "mienet", *words[2:])
    assert done.exit_code == 1
    assert "miennet" in done.stderr


def test_without_the_extra_the_message_names_it(mien, words, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    done = mien(*words)
    assert done.exit_code == 1
    assert "pip install 'mien[train]'" in done.stderr


def test_the_log_for_tensorboard_needs_its_package(mien, words, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    done = mien(*words, "--tensorboard")
    assert done.exit_code == 1
    assert "pip install 'mien[train]'" in done.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--sweep", "optim.batch_size=2"], "two values or more"),
        (["--sweep", "optim.batch_sise=2,4"], "batch_size"),
        (["--sweep", "seed=1,2", "--seeds", "2"], "swept over and set at once"),
        (["--nodes", "2"], "torchrun --nnodes 2"),
    ],
)
def test_what_can_not_be_started_is_one_line(mien, words, tmp_path, options, says) -> None:
    done = mien(*words, "--out", tmp_path / "run", *options)
    assert done.exit_code == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert says in done.stderr
    assert not (tmp_path / "run").exists()


def test_wrong_usage_is_exit_code_2(mien, words) -> None:
    assert mien(*words, "--set", "optim.batch_size").exit_code == 2
    assert mien(*words, "--devices", "0").exit_code == 2
    assert mien(*words, "--seeds", "0").exit_code == 2
    assert mien(*words, "--seeds", "2", "--devices", "2").exit_code == 2
    assert mien(*words, "--sweep", "optim.batch_size=2,4", "--nodes", "2").exit_code == 2
    assert mien(*words, "--sweep", "seed=1,2", "--sweep", "seed=3,4").exit_code == 2
    assert mien(*words, "--nodes", "0").exit_code == 2


def test_folds_need_a_protocol_that_has_them(mien, words) -> None:
    done = mien(*words, "--folds")
    assert done.exit_code == 1
    assert "The protocol official has one fold only" in done.stderr


@pytest.mark.slow
def test_seeds_are_summed_up(mien, words, tmp_path) -> None:
    done = mien(*words, "--out", tmp_path / "runs", "--seeds", 2, "--set", "phases=[{epochs=1, size=16}]")
    assert done.exit_code == 0, done.output
    assert "fer2013 validation (fer7), selected on" in done.stdout
    summary = json.loads((tmp_path / "runs" / "summary.json").read_text(encoding="utf-8"))
    assert [run["folder"] for run in summary["runs"]] == ["seed-0", "seed-1"]
    again = mien(*words, "--out", tmp_path / "runs", "--seeds", 2, "--set", "phases=[{epochs=1, size=16}]", "--resume", "--json")
    assert json.loads(again.stdout) == summary


@pytest.mark.slow
def test_a_sweep_says_which_value_is_best_on_validation(mien, words, tmp_path) -> None:
    words += ["--out", tmp_path / "runs", "--set", "phases=[{epochs=1, size=16}]", "--set", "evaluate_test=true"]
    done = mien(*words, "--sweep", "optim.batch_size=2,4", "--tensorboard")
    assert done.exit_code == 0, done.output
    summary = json.loads((tmp_path / "runs" / "summary.json").read_text(encoding="utf-8"))
    assert f"Best on validation: {summary['best']['name']}" in done.stdout
    assert [value["name"] for value in summary["values"]] == ["optim.batch_size = 2", "optim.batch_size = 4"]
    assert all(value["name"] in done.stdout for value in summary["values"])
    assert (tmp_path / "runs" / "comparison.png").is_file()
    assert list((tmp_path / "runs" / "optim.batch_size-4").glob("events.out.tfevents.*"))
    again = mien(*words, "--sweep", "optim.batch_size=2,4", "--resume", "--json")
    assert json.loads(again.stdout) == summary


@pytest.mark.slow
def test_an_ensemble_ends_with_one_model(mien, words, tmp_path) -> None:
    for seed, name in enumerate(("one", "two")):
        (tmp_path / f"{name}.toml").write_text(f'base = "tiny.toml"\nname = "{name}"\nseed = {seed}\n', encoding="utf-8")
    (tmp_path / "both.toml").write_text('name = "both"\nmembers = ["one.toml", "two.toml"]\n', encoding="utf-8")
    words = ["train", tmp_path / "both.toml", *words[2:], "--out", tmp_path / "run", "--set", "phases=[{epochs=1, size=16}]"]
    assert mien(*words, "--devices", "2").exit_code == 2
    done = mien(*words, "--set", "optim.learning_rate=0.01")
    assert done.exit_code == 0, done.output
    assert [line.split()[0] for line in done.stdout.splitlines()[2:5]] == ["one", "two", "both"]
    assert mien("models", "info", tmp_path / "run" / "model.onnx").exit_code == 0
    again = json.loads(mien(*words, "--set", "optim.learning_rate=0.01", "--resume", "--json").stdout)
    assert list(again["members"]) == ["one", "two"]
    assert again["metrics"][0]["split"] == "validation"


def _process(words: list[object], *more: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "mien", *map(str, words), *map(str, more)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    )


@pytest.mark.slow
@pytest.mark.usefixtures("interruptible")
def test_a_stopped_run_says_how_to_go_on(words, tmp_path) -> None:
    words += ["--out", tmp_path / "run"]
    run = _process(words, "--set", "phases=[{epochs=100000, size=16}]")
    checkpoint = tmp_path / "run" / "checkpoint.safetensors"
    while not checkpoint.is_file() and run.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait(0.1)
    run.send_signal(signal.SIGINT)
    try:
        _, err = run.communicate(timeout=60)
    finally:
        run.kill()
    assert run.returncode not in (0, -signal.SIGKILL)
    assert "--resume" in err
    assert "Traceback" not in err
    assert checkpoint.is_file()
