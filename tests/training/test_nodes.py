"""Runs over several machines, which torchrun starts on each of them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mien.artifact import read_card
from mien.core.errors import TrainingError
from mien.training.recipe import Recipe, load_recipe
from mien.training.run import _need_same_data, train
from tests.training.test_ensemble import NARROW
from tests.training.test_logs import scalars


@pytest.mark.parametrize(("world", "devices", "nodes"), [(None, 1, 2), ("2", 2, 2), ("2", 1, 1)])
def test_torchrun_has_to_have_started_as_many_processes(
    recipe: Recipe, small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: str | None, devices: int, nodes: int
) -> None:
    if world is not None:
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
        monkeypatch.setenv("WORLD_SIZE", world)
    with pytest.raises(TrainingError, match=rf"received {world or 'none'}\. Run torchrun --nnodes {nodes} --nproc-per-node {devices} "):
        train(recipe, small_data, tmp_path, devices=devices, nodes=nodes)
    assert not list(tmp_path.iterdir())


def test_nodes_with_other_data_are_refused_by_all() -> None:
    def fabric(of_the_leader: str, share: float) -> Any:
        return cast("Any", SimpleNamespace(broadcast=lambda _: of_the_leader, all_reduce=lambda equal, reduce_op: equal * share))

    _need_same_data("a", fabric("a", 1.0))
    for mine, share in (("a", 0.5), ("b", 0.0)):  # the leader, whom another process contradicts, and that process
        with pytest.raises(TrainingError, match="different training rows"):
            _need_same_data(mine, fabric("a", share))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_on_two_nodes(words: list[object], outs: tuple[Path, Path]) -> list[tuple[int, str, str]]:
    """Exit code, stdout and stderr of each of two machines, which are this one twice, with a folder of its own for the run."""
    where = ["--nnodes", 2, "--nproc-per-node", 1, "--master-addr", "127.0.0.1", "--master-port", free_port()]
    alone = {key: value for key, value in os.environ.items() if not key.startswith("TORCHELASTIC")}
    env = alone | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    commands = [
        ["-m", "torch.distributed.run", *where, "--node-rank", rank, "-m", "mien", *words, "--nodes", 2, "--out", out]
        for rank, out in enumerate(outs)
    ]
    started = [
        subprocess.Popen([sys.executable, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
        for command in commands
    ]
    try:
        told = [process.communicate(timeout=300) for process in started]
    finally:
        for process in started:  # torchrun ends what it has started; nothing where they have ended
            process.terminate()
    return [(process.returncode, *texts) for process, texts in zip(started, told, strict=True)]


@pytest.mark.slow
def test_two_nodes_make_the_run_that_two_devices_make(small_data: Path, tmp_path: Path) -> None:
    (tmp_path / "narrow.toml").write_text(NARROW, encoding="utf-8")
    words = ["train", tmp_path / "narrow.toml", "--data", small_data, "--json"]
    (code, out, err), (other, silent, err_of_other) = run_on_two_nodes(words, (tmp_path / "nodes", tmp_path / "other"))
    assert (code, other) == (0, 0), err + err_of_other
    assert json.loads(out)["epochs"] == 2  # one process speaks
    assert silent == ""
    assert not (tmp_path / "other").exists()

    command = [sys.executable, "-m", "mien", *map(str, words), "--out", str(tmp_path / "devices"), "--devices", "2"]
    env = os.environ | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["epochs"] == 2
    nodes, devices = (read_card(tmp_path / name / "model.onnx") for name in ("nodes", "devices"))
    assert nodes.sha256 == devices.sha256
    for name in ("nodes", "devices"):
        assert len((tmp_path / name / "log.csv").read_text(encoding="utf-8").splitlines()) == 3


@pytest.mark.slow
def test_a_run_goes_on_from_a_checkpoint_that_only_the_first_node_has(small_data: Path, tmp_path: Path) -> None:
    (tmp_path / "narrow.toml").write_text(NARROW, encoding="utf-8")
    train(load_recipe(tmp_path / "narrow.toml"), small_data, tmp_path / "nodes", stop_after=1)
    words = ["train", tmp_path / "narrow.toml", "--data", small_data, "--resume", "--tensorboard"]
    ended = run_on_two_nodes(words, (tmp_path / "nodes", tmp_path / "other"))
    assert [code for code, _, _ in ended] == [0, 0], ended
    assert list(scalars(tmp_path / "nodes")) == [1, 2]
    assert not (tmp_path / "other").exists()
