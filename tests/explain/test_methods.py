from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien import explain as door
from mien.core import optional
from mien.core.errors import InputError, MissingExtraError, OptionError, UnknownNameError
from mien.explain import METHODS, explain
from mien.preprocess import Preprocessing, equalised
from tests.explain.parts import SIDE, looking, noise, planted


def test_the_methods_and_their_options() -> None:
    assert {name: list(method.options) for name, method in METHODS.items()} == {
        "occlusion": ["window", "stride", "fill"],
        "gradcam": ["layer"],
        "saliency": [],
        "integrated_gradients": ["steps", "baseline"],
        "stn": [],
    }
    assert {name for name, method in METHODS.items() if not method.needs_torch} == {"occlusion", "stn"}
    assert METHODS["integrated_gradients"].options["steps"].default == 32
    assert all(method.name == name and method.summary and method.function.__doc__ for name, method in METHODS.items())


@pytest.mark.parametrize("method", [name for name in METHODS if name != "stn"])
def test_every_method_puts_its_heat_where_the_evidence_is(tmp_path: Path, method: str) -> None:
    options = {"window": 2, "stride": 1, "fill": 0} if method == "occlusion" else {}
    heat = np.abs(explain(planted(tmp_path), noise(1), method, label="neutral", **options)[0].heat)
    assert heat[SIDE // 2 :, : SIDE // 2].sum() > 0.85 * heat.sum()


@pytest.mark.parametrize("method", METHODS)
def test_no_crops_no_explanations(tmp_path: Path, method: str) -> None:
    assert explain(looking(tmp_path), noise(0), method) == []


def test_crops_of_any_size_are_seen_as_the_network_sees_them(tmp_path: Path) -> None:
    gray, colour = noise(1)[0], noise(1, 3)[0].repeat(3, axis=0)
    found = explain(planted(tmp_path), [gray, colour])
    np.testing.assert_array_equal(found[0].image, gray)
    assert found[1].image.shape == (SIDE, SIDE)
    assert explain(planted(tmp_path, channels=3), [gray])[0].image.shape == (SIDE, SIDE, 3)


@pytest.mark.parametrize("method", METHODS)
def test_gray_levels_are_normalised_once(tmp_path: Path, method: str) -> None:
    """Equalising twice is not equalising once, and a square put on a picture would change the gray levels of the rest."""
    model = looking(tmp_path)
    model.card = replace(model.card, preprocessing=Preprocessing(SIDE, 1, equalise=True))
    crops = np.square(np.linspace(0, 15, 2 * SIDE * SIDE)).astype(np.uint8).reshape(2, SIDE, SIDE)
    for one, crop, scores in zip(explain(model, crops, method), crops, model.predict(crops), strict=True):
        np.testing.assert_array_equal(one.image, equalised(crop[None])[0])
        assert one.score == pytest.approx(scores.max(), abs=1e-6)
    assert model.card.preprocessing.equalise


def test_names_that_do_not_exist(tmp_path: Path) -> None:
    model = planted(tmp_path)
    with pytest.raises(UnknownNameError, match="Did you mean gradcam"):
        explain(model, noise(1), "grad-cam")
    with pytest.raises(UnknownNameError, match=r"option of occlusion 'windw'\. Did you mean window"):
        explain(model, noise(1), windw=3)
    with pytest.raises(UnknownNameError, match=r"label of fer8 'hapiness'\. Did you mean happiness"):
        explain(model, noise(1), label="hapiness")
    with pytest.raises(OptionError, match=r"takes a whole number; received 2\.5"):
        explain(model, noise(1), "integrated_gradients", steps=2.5)
    with pytest.raises(InputError, match="A crop is a uint8 array"):
        explain(model, noise(1) / 255)


def test_the_door() -> None:
    assert all(hasattr(door, name) for name in door.__all__)
    code = "import sys, mien.explain; print({name.partition('.')[0] for name in sys.modules} & {'torch', 'captum', 'onnx', 'scipy'})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "set()"


@pytest.mark.parametrize("absent", ["torch", "captum", "onnx"])
def test_without_the_extra(tmp_path: Path, absent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = optional.importlib.import_module

    def without(name: str, *package: str) -> object:
        if name.partition(".")[0] == absent:
            raise ModuleNotFoundError(f"No module named {absent!r}", name=absent)
        return found(name, *package)

    model = looking(tmp_path)
    monkeypatch.setattr(optional.importlib, "import_module", without)
    for method in ("saliency", *(["stn"] if absent == "onnx" else [])):
        with pytest.raises(MissingExtraError, match=r"mien\[train\]"):
            explain(model, noise(1), method)
    assert len(explain(model, noise(1))) == 1
