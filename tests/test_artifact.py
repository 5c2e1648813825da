from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mien.artifact import CARD_KEY, list_models, load_model, read_card, save_artifact
from mien.card import Card, Head
from mien.core.calibration import Calibration
from mien.core.errors import ArtifactError, InputError, LabelError, OptionError, UnknownNameError
from mien.core.labels import FER7, FER8, VALENCE3, LabelSet
from mien.datasets.base import SplitOrigin
from mien.preprocess import Preprocessing

CARD = Card("probe", "1", (Head("eight", FER8, Calibration(2.0)), Head("seven", FER7)), Preprocessing(4), "made up", "none")


def probe(classes: tuple[int, int] = (8, 7), size: int = 4) -> onnx.ModelProto:
    """Logits are a fixed random linear map of the pixels."""
    rng = np.random.default_rng(0)
    weights = [numpy_helper.from_array(rng.normal(0, 0.01, (size * size, n)).astype(np.float32), f"w{n}") for n in classes]
    nodes = [helper.make_node("Flatten", ["images"], ["flat"])]
    nodes += [helper.make_node("MatMul", ["flat", f"w{n}"], [name]) for n, name in zip(classes, ("eight", "seven"), strict=True)]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", n]) for n, name in zip(classes, ("eight", "seven"), strict=True)
    ]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 1, size, size])
    graph = helper.make_graph(nodes, "probe", [images], outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_artifact(probe(), CARD, tmp_path / "probe.onnx")
    return tmp_path / "probe.onnx"


@pytest.fixture
def crops() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (70, 4, 4), np.uint8)


def test_card_survives_the_file(path: Path) -> None:
    card = read_card(path)
    assert card == replace(CARD, sha256=card.sha256)
    assert len(card.sha256) == 64
    bent = replace(card, heads=(Head("eight", FER8, Calibration(2.0, 0.25, 0.5)), CARD.heads[1]))
    assert Card.from_dict(bent.to_dict()) == bent
    old = card.to_dict()
    for head in old["heads"]:  # of before there were more numbers than a temperature
        del head["tail"], head["top"]
    assert Card.from_dict(old) == card


def test_scores_are_the_softmax_over_the_temperature(path: Path, crops: np.ndarray) -> None:
    weights = numpy_helper.to_array(probe().graph.initializer[0])
    logits = crops.reshape(70, 16).astype(np.float64) @ weights / 2.0
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(load_model(path).predict(crops), expected, atol=1e-5)


def test_batch_and_one_at_a_time_agree(path: Path, crops: np.ndarray) -> None:
    model = load_model(path, threads=1)
    np.testing.assert_allclose(model.predict(crops), np.concatenate([model.predict(crops[i : i + 1]) for i in range(70)]), atol=1e-5)


def test_label_sets(path: Path, crops: np.ndarray) -> None:
    model = load_model(path)
    assert (model.labels, model.identity.name) == (FER8, "probe")
    own = model.with_labels("fer7").predict(crops)
    assert not np.allclose(own, FER8.project(model.predict(crops), FER7))  # its own head, not a projection
    three = load_model(path, "valence3")
    np.testing.assert_allclose(three.predict(crops), FER8.project(model.predict(crops), VALENCE3), atol=1e-6)
    assert three.predict(crops[:0]).shape == (0, 3)


def test_labels_out_of_reach(path: Path) -> None:
    with pytest.raises(LabelError, match="nothing stands for joy"):
        load_model(path, LabelSet("mine", ("joy", "neutral")))
    with pytest.raises(UnknownNameError, match="Did you mean fer"):
        load_model(path, "fer77")


def test_a_label_set_of_ones_own(tmp_path: Path, crops: np.ndarray) -> None:
    mine = LabelSet("mine", tuple("abcdefgh"))
    save_artifact(probe(), replace(CARD, heads=(Head("eight", mine),)), tmp_path / "m.onnx")
    assert load_model(tmp_path / "m.onnx").labels == mine
    assert load_model(tmp_path / "m.onnx").predict(crops).shape == (70, 8)


def test_unknown_head(path: Path, crops: np.ndarray) -> None:
    with pytest.raises(UnknownNameError, match="head"):
        load_model(path).logits(crops, VALENCE3)


@pytest.mark.parametrize(
    ("name", "error", "said"), [("defautl", UnknownNameError, "Did you mean default"), ("a/b.onnx", ArtifactError, "No model")]
)
def test_models_that_do_not_exist(name: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        load_model(name)


def test_not_onnx(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"\xff\xff not a model")
    with pytest.raises(ArtifactError, match="can't be read as an ONNX model"):
        load_model(tmp_path / "m.onnx")


def test_no_card(tmp_path: Path) -> None:
    onnx.save(probe(), tmp_path / "m.onnx")
    with pytest.raises(ArtifactError, match="has no card"):
        load_model(tmp_path / "m.onnx")


def test_what_a_run_was_selected_on_is_on_the_card(tmp_path: Path) -> None:
    origin = SplitOrigin("subject_folds", "2 of 5", "0" * 64, "Of 9 test rows, 3 show a subject that is also in train.")
    save_artifact(probe(), replace(CARD, selection="test", origin=origin), tmp_path / "m.onnx")
    card = read_card(tmp_path / "m.onnx")
    assert (card.selection, card.origin) == ("test", origin)


def test_a_card_of_before_the_protocols_is_read() -> None:
    data = json.loads(json.dumps(CARD.to_dict()))
    for key in ("selection", "origin"):
        del data[key]
    for head in data["heads"]:
        del head["abstain_at"]
    assert Card.from_dict(data) == CARD
    with pytest.raises(ArtifactError, match="can't be read"):
        Card.from_dict(data | {"origin": {"protcol": "official"}})


def test_thresholds_are_those_of_a_head_and_a_coverage(tmp_path: Path) -> None:
    heads = (replace(CARD.heads[0], abstain_at={"0.8": 0.6, "0.9": 0.4}), CARD.heads[1])
    save_artifact(probe(), replace(CARD, heads=heads), tmp_path / "m.onnx")
    model = load_model(tmp_path / "m.onnx")
    assert (model.threshold_at(0.8), model.threshold_at(0.90)) == (0.6, 0.4)
    with pytest.raises(OptionError, match=r"no threshold for the coverage 0\.7\. It has them for 0\.8, 0\.9"):
        model.threshold_at(0.7)
    with pytest.raises(OptionError, match="Fit them with mien train"):
        model.with_labels("fer7").threshold_at(0.9)
    with pytest.raises(OptionError, match="for fer8, fer7, not for valence3"):
        model.with_labels("valence3").threshold_at(0.9)
    with pytest.raises(ArtifactError, match="scores lie in 0–1"):
        Head("eight", FER8, abstain_at={"0.9": 1.5})


def test_changed_weights_are_refused(path: Path) -> None:
    model = onnx.load(path)
    weights = numpy_helper.to_array(model.graph.initializer[0]).copy()
    weights[0, 0] += 1e-3
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, model.graph.initializer[0].name))
    onnx.save(model, path)
    with pytest.raises(ArtifactError, match="changed or damaged"):
        load_model(path)


def test_cut_file_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ArtifactError):
        load_model(path)


def test_label_count_that_does_not_fit(tmp_path: Path) -> None:
    save_artifact(probe((7, 7)), CARD, tmp_path / "m.onnx")
    with pytest.raises(ArtifactError, match="label count does not fit"):
        load_model(tmp_path / "m.onnx")


def test_output_that_is_not_there(tmp_path: Path) -> None:
    save_artifact(probe(), replace(CARD, heads=(Head("nine", FER8),)), tmp_path / "m.onnx")
    with pytest.raises(ArtifactError, match="names the output 'nine'"):
        load_model(tmp_path / "m.onnx")


def test_input_that_does_not_fit(tmp_path: Path) -> None:
    save_artifact(probe(), replace(CARD, preprocessing=Preprocessing(5)), tmp_path / "m.onnx")
    with pytest.raises(ArtifactError, match="does not take an input"):
        load_model(tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda card: card.update(mien=99), "schema 99"),
        (lambda card: card.pop("heads"), "heads"),
        (lambda card: card["heads"][0]["labels"].reverse(), "calls"),
        (lambda card: card["heads"][0].update(labels=card["heads"][0]["labels"][1:]), "calls"),
        (lambda card: card["preprocessing"].update(size=0), "size"),
    ],
)
def test_cards_that_are_wrong(path: Path, change: object, said: str) -> None:
    model = onnx.load(path)
    entry = next(p for p in model.metadata_props if p.key == CARD_KEY)
    card = json.loads(entry.value)
    change(card)  # type: ignore[operator]
    entry.value = json.dumps(card)
    onnx.save(model, path)
    with pytest.raises(ArtifactError, match=said):
        load_model(path)


def test_card_that_is_no_json(path: Path) -> None:
    model = onnx.load(path)
    model.metadata_props[0].value = "{"
    onnx.save(model, path)
    with pytest.raises(ArtifactError, match="no JSON object"):
        load_model(path)


@pytest.mark.parametrize("name", list_models())
def test_every_shipped_model_loads_and_tells_its_story(name: str) -> None:
    card = load_model(name).card
    assert card.heads[0].labels == FER8
    assert card.licence
    assert card.training_data
    for metric in card.metrics:
        assert metric["overall"]["n"] > 0


def test_a_model_that_may_not_be_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", closed)
    with pytest.raises(InputError, match="Permission denied"):
        load_model(path)


def test_features_travel_in_the_file_and_count_for_its_hash(tmp_path: Path) -> None:
    """A graph that takes pictures and features: logits are the sum of what both say."""
    from mien.features.texture import HOG

    hog, rng = HOG(size=8, cell=4, block=1), np.random.default_rng(0)
    graph = probe()
    graph.graph.initializer.append(numpy_helper.from_array(rng.normal(0, 1, (36, 8)).astype(np.float32), "w"))
    graph.graph.input.append(helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 36]))
    graph.graph.node[1].output[0] = "pixels"
    graph.graph.node.extend(
        [helper.make_node("MatMul", ["features", "w"], ["told"]), helper.make_node("Add", ["pixels", "told"], ["eight"])]
    )
    card = save_artifact(graph, CARD, tmp_path / "both.onnx", hog)
    assert card.features == {"feature": "hog", "options": {"size": 8, "orientations": 9, "cell": 4, "block": 1}}
    model = load_model(tmp_path / "both.onnx")
    assert model.card == card
    faces = rng.integers(0, 256, (40, 4, 4), np.uint8)
    plain = load_model(save_and_path(probe(), tmp_path)).logits(faces)
    np.testing.assert_allclose(
        model.logits(faces), plain + hog.transform(faces) @ numpy_helper.to_array(graph.graph.initializer[-1]), atol=1e-4
    )
    assert model.with_labels("fer7").predict(faces[:0]).shape == (0, 7)
    data = (tmp_path / "both.onnx").read_bytes()
    place = data.index(b"mien.features") + 40
    (tmp_path / "both.onnx").write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    with pytest.raises(ArtifactError, match="changed or damaged"):
        load_model(tmp_path / "both.onnx")


def save_and_path(graph: onnx.ModelProto, folder: Path) -> Path:
    save_artifact(graph, CARD, folder / "plain.onnx")
    return folder / "plain.onnx"
