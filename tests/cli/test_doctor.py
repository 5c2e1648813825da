from __future__ import annotations

import json
from importlib import metadata

import pytest

from mien.cli import doctor


def states(done) -> dict[str, str]:
    return {check["name"]: check["state"] for check in json.loads(done.stdout)["checks"]}


def test_a_whole_installation_is_healthy(mien) -> None:
    done = mien("doctor", "--json")
    found = states(done)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["healthy"]
    assert found["window"] in ("ok", "absent")
    assert found["self-test"] == found["model default"] == found["runtime"] == "ok"


def test_every_core_dependency_is_checked(mien) -> None:
    assert {"numpy", "onnxruntime", "opencv-python", "typer"} <= set(states(mien("doctor", "--json")))


def test_the_table_says_the_same(mien) -> None:
    done = mien("doctor")
    assert done.exit_code == 0
    assert "self-test" in done.stdout


def test_a_broken_model_is_exit_code_1(mien, monkeypatch, tmp_path) -> None:
    (tmp_path / "default.onnx").write_bytes(b"no model")
    monkeypatch.setattr("mien.artifact.WEIGHTS", tmp_path)
    done = mien("doctor", "--json")
    assert done.exit_code == 1
    assert states(done)["model default"] == states(done)["self-test"] == "broken"


def test_no_model_at_all_is_exit_code_1(mien, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("mien.artifact.WEIGHTS", tmp_path)
    done = mien("doctor", "--json")
    assert done.exit_code == 1
    assert states(done)["models"] == "broken"


def test_a_package_that_is_not_there_is_broken() -> None:
    check = doctor._package("no-such-package")
    assert check.state == "broken"
    assert "pip install" in check.detail


def test_an_extra_that_is_not_there_names_its_install_command(monkeypatch) -> None:
    def version(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.metadata, "version", version)
    train = next(check for check in doctor._extras() if check.name == "extra train")
    assert train.state == "absent"
    assert "torch" in train.detail
    assert "pip install 'mien[train]'" in train.detail


@pytest.mark.parametrize(("value", "state"), [(None, "absent"), ("nowhere", "absent"), (".", "ok")])
def test_the_data_folder(monkeypatch, value, state) -> None:
    monkeypatch.delenv("MIEN_DATA", raising=False)
    if value is not None:
        monkeypatch.setenv("MIEN_DATA", value)
    assert doctor._data().state == state
