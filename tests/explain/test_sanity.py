from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.artifact import Model, list_models, load_model
from mien.core.errors import InputError, OptionError
from mien.explain import Explanation, agreement, explain, randomised, sanity_check
from mien.explain.graph import read_graph
from tests.explain.parts import NODE, SIDE, Foreign, faces, looking, made, noise, planted


@pytest.fixture(scope="module")
def miennet() -> Model:
    return load_model("miennet", threads=1)


def heated(heat: np.ndarray) -> Explanation:
    return Explanation(np.zeros(heat.shape, np.uint8), heat.astype(np.float32), "fear", 0.5, "saliency")


def test_ranks_are_compared() -> None:
    heat = np.random.default_rng(0).normal(size=(5, 5))
    assert agreement(heated(heat), heated(heat)) == pytest.approx(1)
    assert agreement(heated(heat), heated(-3 * heat)) == pytest.approx(1)  # of absolute heats
    assert agreement(heated(heat), heated(1 / np.abs(heat))) == pytest.approx(-1)
    assert agreement(heated(heat), heated(np.zeros((5, 5)))) == 0
    with pytest.raises(InputError, match="can't be compared"):
        agreement(heated(heat), heated(np.zeros((4, 4))))


def test_all_that_was_learned_is_drawn_anew(miennet: Model) -> None:
    before, after, again = (read_graph(model).constants for model in (miennet, randomised(miennet), randomised(miennet)))
    learned = {name for name, array in before.items() if np.issubdtype(array.dtype, np.floating) and array.size > 1}
    for name in learned:
        assert np.abs(after[name] - before[name]).max() > 0
        np.testing.assert_array_equal(after[name], again[name])
    big = max(learned, key=lambda name: before[name].size)
    assert abs(after[big].mean() - before[big].mean()) < 0.001
    assert after[big].std() == pytest.approx(before[big].std(), rel=0.02)
    for name in set(before) - learned:
        np.testing.assert_array_equal(after[name], before[name])
    assert not np.array_equal(read_graph(randomised(miennet, seed=1)).constants[big], after[big])


@pytest.mark.parametrize("name", list_models())
def test_weights_of_every_form_are_drawn_anew(name: str) -> None:
    """float16 and 8-bit weights stand behind a node of their own, and are still the weights."""
    model = load_model(name, threads=1)
    kinds = (np.float16, np.int8)
    before, after = (read_graph(one).constants for one in (model, randomised(model)))
    stored = [key for key, array in before.items() if array.dtype in kinds and array.ndim == 4]
    assert len(stored) > 15
    for key in stored:
        assert (after[key] != before[key]).mean() > 0.5
        assert after[key].dtype == before[key].dtype
    assert np.abs(randomised(model).logits(faces()) - model.logits(faces())).mean() > 0.5


def test_what_was_not_learned_stays(tmp_path: Path) -> None:
    model = looking(tmp_path)
    before, after = (read_graph(one).constants for one in (model, randomised(model)))
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {"kernel", "head"}


def test_variances_stay_positive(tmp_path: Path) -> None:
    nodes = [
        NODE("Conv", ["images", "kernel"], ["maps"], kernel_shape=[SIDE, SIDE]),
        NODE("BatchNormalization", ["maps", "scale", "shift", "mean", "variance"], ["normal"]),
        NODE("Flatten", ["normal"], ["logits"]),
    ]
    rng = np.random.default_rng(0)
    vectors = {name: rng.uniform(-1, 1, 8).astype(np.float32) for name in ("scale", "shift", "mean")}
    variance = np.array([0.01, 9, 0.01, 9, 0.01, 9, 0.01, 9], np.float32)
    model = made(tmp_path, nodes, {"kernel": np.ones((8, 1, SIDE, SIDE), np.float32), "variance": variance, **vectors})
    drawn = read_graph(randomised(model)).constants["variance"]
    assert (drawn > 0).all()
    assert not np.array_equal(drawn, variance)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["occlusion", "gradcam", "saliency", "integrated_gradients"])
def test_explanations_change_with_the_weights(miennet: Model, method: str) -> None:
    """Adebayo et al. (2018): a method that shows the same of random weights would show the picture, not what was learned."""
    options = {"steps": 16} if method == "integrated_gradients" else {}
    crops = faces()[:2]
    one = explain(miennet, crops, method, **options)
    assert [agreement(first, again) for first, again in zip(one, explain(miennet, crops, method, **options), strict=True)] == (
        pytest.approx([1.0] * 2)
    )
    assert abs(sanity_check(miennet, crops, method, **options)) < 0.7


def test_no_crops_and_no_graph(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="received no crops"):
        sanity_check(planted(tmp_path), noise(0))
    with pytest.raises(OptionError, match="received Foreign"):
        sanity_check(Foreign(), np.zeros((1, 9, 9, 3), np.uint8))
