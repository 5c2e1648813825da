from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from mien.bench import run
from mien.bench.contenders import Contender, load_contender
from mien.bench.run import bench
from mien.core.errors import DatasetAbsentError, DatasetError, InputError, LabelError, MissingExtraError
from mien.core.labels import FER8
from mien.datasets import Dataset
from tests.bench.parts import GRAY, LABELS, TELLS, adapter, data, function, graph, linear


@pytest.fixture
def teller(tmp_path: Path) -> Contender:
    """Always right on `data`."""
    return load_contender(function(tmp_path, "my_right", TELLS, 'licence = "MIT"\ntrained_on = ["drawn"]\n'))


@pytest.fixture
def net(tmp_path: Path) -> Contender:
    """Some map of the pixels."""
    linear(tmp_path / "net.onnx")
    return load_contender(adapter(tmp_path, f'name = "net"\nonnx = "net.onnx"\n{LABELS}{GRAY}scale = 0.004\n'), threads=1)


def test_models_side_by_side(teller: Contender, net: Contender) -> None:
    found = bench([teller, net], [data()], "test", clean=True, runs=2)
    right, other = found.of("drawn")
    assert (right.result.overall.accuracy, right.result.overall.n, right.result.clean.n) == (1, 40, 38)
    assert right.against is right.against_clean is None
    assert other.against.difference == pytest.approx(other.result.overall.accuracy - 1)
    assert (other.against.n, other.against_clean.n) == (40, 38)
    assert other.against.groups == right.result.overall.groups
    assert other.against.p_mid < 0.01
    assert (right.trained, other.trained) == (True, None)
    assert not found.failed


def test_what_they_cost(teller: Contender, net: Contender) -> None:
    costs = bench([teller, net], [data()], runs=2).costs
    assert (costs["net"].macs, costs["net"].parameters) == (16 * 7, 16 * 7)
    assert costs["net"].size_bytes == net.graph.stat().st_size
    assert (costs["my_right"].macs, costs["my_right"].size_bytes, costs["my_right"].threads) == (None, None, 1)
    assert all(cost.latency_ms > 0 and cost.faces_per_s > 0 and cost.hardware for cost in costs.values())


def test_nothing_is_timed_when_nothing_is_asked(net: Contender) -> None:
    cost = bench([net], [data()], runs=0).costs["net"]
    assert (cost.latency_ms, cost.faces_per_s, cost.macs) == (None, None, 112)


def test_multiply_accumulates_that_cannot_be_counted_are_a_note(tmp_path: Path) -> None:
    nodes = [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("Einsum", ["flat", "w", "e"], ["y"], equation="ni,ij,jk->nk")]
    weights = {"w": np.ones((16, 7), np.float32), "e": np.eye(7, dtype=np.float32)}
    onnx.save(graph(nodes, {"x": ("n", 1, 4, 4)}, ["y"], weights), tmp_path / "sum.onnx")
    contender = load_contender(adapter(tmp_path, f'name = "sum"\nonnx = "sum.onnx"\n{LABELS}{GRAY}scale = 0.0001\n'), threads=1)
    found = bench([contender], [data()], runs=0)
    assert (found.costs["sum"].macs, found.costs["sum"].parameters) == (None, 16 * 7 + 49)
    assert any("einsum 'ni,ij,jk->nk'" in note for note in found.notes)


def test_everything_goes_into_json(teller: Contender, net: Contender) -> None:
    found = bench([teller, net], [data()], clean=True, runs=1)
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [model["name"] for model in plain["models"]] == ["my_right", "net"]
    assert plain["models"][0]["licence"] == "MIT"
    assert len(plain["models"][1]["sha256"]) == 64
    assert plain["models"][1]["cost"]["macs"] == 112
    assert plain["datasets"][0]["label_set"] == "fer7"
    first, second = plain["results"]
    assert (first["overall"]["accuracy"], first["against"], first["error"]) == (1, None, "")
    assert second["against"]["n"] == 40
    assert second["mapping"] == "7 labels of its own read as fer7"


def test_several_data_sets_on_one_label_set(teller: Contender, net: Contender) -> None:
    other = replace(data("eight", seed=1), labels=FER8)
    found = bench([teller, net], [data(), other], labels="valence3", runs=0)
    assert [(one.model, one.dataset) for one in found.judged] == [(m, d) for d in ("drawn", "eight") for m in ("my_right", "net")]
    assert {dataset.labels.name for dataset in found.datasets} == {"valence3"}
    assert [one.trained for one in found.judged] == [True, None, False, None]
    assert found.of("eight")[0].result.overall.accuracy == 1
    assert any("surprise have no place in valence3" in note for note in found.notes)


def test_people_are_drawn_together(teller: Contender, net: Contender) -> None:
    whole = replace(data(), subjects=np.array([f"p{i // 10}" for i in range(60)]))
    found = bench([teller, net], [whole], groups="subjects", runs=0)
    assert [found.judged[0].result.overall.groups, found.judged[1].against.groups] == [6, 6]
    with pytest.raises(DatasetError, match="does not tell the subjects"):
        bench([teller], [data()], groups="subjects", runs=0)


def test_labels_that_a_model_lacks(teller: Contender) -> None:
    eight = replace(data(), labels=FER8, targets=np.where(data().targets == 3, 7, data().targets))
    with pytest.raises(LabelError, match=r"my_right: .*contempt"):
        bench([teller], [eight], runs=0)
    found = bench([teller], [eight], partial=True, runs=0).judged[0]
    assert found.result.overall.accuracy == pytest.approx(1 - (eight.targets[eight.split == "test"] == 7).mean())
    assert found.mapping.endswith("contempt never said")


def test_one_that_fails_on_the_way_stops_no_other(tmp_path: Path, teller: Contender, net: Contender) -> None:
    body = "s = np.full((len(crops), 7), 1 / 7); s[crops[:, 0, 0] == 5] = np.nan; return s"
    broken = load_contender(function(tmp_path, "my_broken", body))
    found = bench([broken, net, teller], [data()], runs=2)
    assert [one.model for one in found.failed] == ["my_broken"]
    assert "my_broken.toml: " in found.failed[0].error
    assert [one.result is None for one in found.judged] == [True, False, False]
    assert all(one.against is None for one in found.judged)  # there is nothing to compare with
    assert found.costs["my_broken"].latency_ms is None
    json.dumps(found.to_dict(), allow_nan=False)


def test_one_that_fails_on_the_first_pictures_stops_all(tmp_path: Path, teller: Contender) -> None:
    broken = load_contender(function(tmp_path, "my_stopper", "return np.full((len(crops), 7), np.nan)"))
    with pytest.raises(InputError, match=r"my_stopper\.toml: 2 of 2 rows hold NaN"):
        bench([teller, broken], [data()], runs=0)


def test_without_onnx_macs_are_unknown_and_it_is_told_once(monkeypatch: pytest.MonkeyPatch, net: Contender) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise MissingExtraError("needs onnx")

    monkeypatch.setattr(run, "count_macs", refuse)
    monkeypatch.setattr(run, "count_parameters", refuse)
    found = bench([net, replace(net, name="twin")], [data()], runs=0)
    assert found.costs["net"].macs is found.costs["net"].parameters is None
    assert [note for note in found.notes if "needs onnx" in note] == ["Multiply–accumulates are not counted: needs onnx"]


@pytest.mark.slow
def test_a_busy_machine_is_told(monkeypatch: pytest.MonkeyPatch, net: Contender) -> None:
    monkeypatch.setattr(run, "load", lambda: 100.0)
    assert any("The machine was busy when this began (100.0 processes" in note for note in bench([net], [data()], runs=1).notes)
    monkeypatch.setattr(run, "load", lambda: None)
    assert not bench([net], [data()], runs=1).notes


def test_a_split_without_rows(net: Contender) -> None:
    with pytest.raises(DatasetAbsentError, match="validation"):
        bench([net], [data()], "validation")


@pytest.mark.parametrize(("models", "sets"), [(0, 1), (1, 0)])
def test_nothing_to_compare(net: Contender, models: int, sets: int) -> None:
    chosen: list[Dataset] = [data()] * sets
    with pytest.raises(InputError, match=f"received {models} and {sets}"):
        bench([net] * models, chosen)


def test_names_tell_models_and_data_sets_apart(net: Contender) -> None:
    with pytest.raises(InputError, match="net twice"):
        bench([net, net], [data()])
    with pytest.raises(InputError, match="drawn twice"):
        bench([net], [data(), data(seed=1)])
