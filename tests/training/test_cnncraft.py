"""CNNCraft-net in training: vectors beside pictures, an encoder that is trained first, weights of an earlier run, tinted copies."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mien.artifact import load_model
from mien.core.errors import OptionError, RecipeError
from mien.core.labels import FER7
from mien.features.registry import from_bytes
from mien.models.cnncraft import Autoencoder
from mien.models.registry import build
from mien.training.autoencoder import pretrain, start_from
from mien.training.data import HeadTargets, Split, as_crops, load_sets, prepared, split_of, tinted
from mien.training.loop import predict
from mien.training.parts import AutoencoderPart
from mien.training.recipe import Recipe
from mien.training.run import Run, best_network, train
from tests.training.layouts import on_album, write_album

FEW = {
    "features.options": "{words = 10, size = 96}",
    "model.options.handcrafted": "30",
    "phases": "[{epochs = 2, size = 48}]",
    "optim.batch_size": "16",
    "precision": "32-true",
}
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """96 avatars of 12 characters."""
    return write_album(tmp_path_factory.mktemp("album"), 96, 12)


@pytest.fixture(scope="module")
def finished(album: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run."""
    folder = tmp_path_factory.mktemp("run")
    train(small(), album, folder)
    return folder


def small(**changes: str) -> Recipe:
    plan = on_album("cnncraft_small", FEW | changes)
    assert isinstance(plan, Recipe)
    return plan


@pytest.mark.slow
def test_the_artifact_says_what_the_network_says_of_pictures_and_their_vectors(album: Path, finished: Path) -> None:
    recipe, model = small(), load_model(finished / "model.onnx")
    split = prepared(split_of(recipe, load_sets(recipe, album), "validation"), recipe)
    features = from_bytes((finished / "features.npz").read_bytes())
    vectors = torch.from_numpy(features.transform(as_crops(split.images)))
    network = best_network(Run(recipe, finished))
    expected = predict(network, split.images, CPU, beside=vectors)["fer7"].numpy()
    np.testing.assert_allclose(model.logits(as_crops(split.images)), expected, atol=1e-4)
    without = predict(network, split.images, CPU)["fer7"].numpy()
    assert np.abs(without - expected).max() > 0.01
    assert model.card.features["options"]["words"] == 10


@pytest.mark.slow
def test_a_run_that_was_stopped_ends_like_one_that_was_not(album: Path, finished: Path, tmp_path: Path) -> None:
    train(small(), album, tmp_path, stop_after=1)
    train(small(), album, tmp_path, resume=True)
    whole, parts = (load_model(folder / "model.onnx").card for folder in (finished, tmp_path))
    assert parts.sha256 == whole.sha256
    assert parts.metrics == whole.metrics


@pytest.mark.slow
def test_an_encoder_that_is_trained_first_builds_pictures_up_again(album: Path, finished: Path) -> None:
    losses = json.loads((finished / "beginning.json").read_text())["autoencoder_loss"]
    assert len(losses) == 3
    assert losses[2] < 0.7 * losses[0]
    images = split_of(small(), load_sets(small(), album), "train").images
    model = build("cnncraft", {"fer7": 7}, {"backbone": "miennet", "widths": [8, 16]})
    before = model.encoder[0].weight.clone()
    again = [pretrain(model, AutoencoderPart(epochs=2, batch_size=16), images, 0, CPU) for _ in range(2)]
    assert again[0] == again[1]
    assert not torch.equal(before, model.encoder[0].weight)
    with pytest.raises(RecipeError, match="Pictures of 30 pixels can't be halved 2 times"):
        pretrain(model, AutoencoderPart(), images[:, :, :30, :30], 0, CPU)


def test_an_encoder_of_colours_is_trained_on_gray_too() -> None:
    gray = torch.randint(0, 256, (16, 1, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    models = [build("cnncraft", {"fer7": 7}, {"branches": ["encoder"], "widths": [8, 16], "channels": 3}) for _ in range(2)]
    part = AutoencoderPart(epochs=1, batch_size=8)
    pictures = gray, gray.expand(-1, 3, -1, -1)
    seen, expected = (pretrain(model, part, images, 0, CPU) for model, images in zip(models, pictures, strict=True))
    assert seen == expected
    torch.testing.assert_close(models[0].encoder.state_dict(), models[1].encoder.state_dict(), rtol=0, atol=0)


def test_a_backbone_of_gray_sees_the_gray_of_colours() -> None:
    model = build("cnncraft", {"fer7": 7}, {"backbone": "miennet", "branches": ["backbone"], "channels": 3}).eval()
    colours = np.random.default_rng(0).uniform(0, 255, (2, 48, 48, 3)).astype(np.float32)
    gray = np.stack([cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in colours])
    with torch.inference_mode():
        seen, expected = model(torch.from_numpy(colours).permute(0, 3, 1, 2))["fer7"], model(torch.from_numpy(gray)[:, None])["fer7"]
    torch.testing.assert_close(seen, expected, atol=1e-4, rtol=1e-4)


def test_frozen_parts_of_the_backbone_keep_their_statistics() -> None:
    options = {"backbone": "resnet50", "backbone_options": {"frozen": "all"}, "branches": ["backbone"]}
    model = build("cnncraft", {"fer7": 7}, options).train()
    norms = [module for module in model.backbone.modules() if isinstance(module, torch.nn.BatchNorm2d)]  # type: ignore[union-attr]
    model(torch.rand(2, 1, 32, 32) * 255)
    assert len(norms) == 53
    assert not any(norm.training or norm.running_mean.any() for norm in norms)  # type: ignore[union-attr]


def test_the_gain_multiplies_the_vectors_alone() -> None:
    options = {"backbone": "miennet", "handcrafted": 5}
    model = build("cnncraft", {"fer7": 7}, options | {"handcrafted_gain": 0.5}).eval()
    plain = build("cnncraft", {"fer7": 7}, options).eval()
    plain.load_state_dict(model.state_dict())
    pictures, vectors = torch.full((2, 1, 32, 32), 99.0), torch.randn(2, 5)
    assert torch.equal(model(pictures, vectors)["fer7"], plain(pictures, vectors / 2)["fer7"])
    assert not torch.equal(model(pictures, vectors)["fer7"], plain(pictures, vectors)["fer7"])


def test_the_decoder_mirrors_the_encoder() -> None:
    whole = Autoencoder(3, (8, 16)).eval()
    assert whole.encoder(torch.rand(2, 3, 32, 32)).shape == (2, 16, 8, 8)
    rebuilt = whole(torch.rand(2, 3, 32, 32) * 255).detach()
    assert rebuilt.shape == (2, 3, 32, 32)
    assert 0 <= float(rebuilt.min()) <= float(rebuilt.max()) <= 1


@pytest.mark.slow
def test_features_of_an_earlier_run_are_taken_as_they_are(album: Path, finished: Path, tmp_path: Path) -> None:
    learnt, cache = str(finished / "features.npz"), tmp_path / "vectors.sqlite"
    same = {"features.learnt": learnt, "features.cache": str(cache)}
    first, second = (train(small(**same), album, tmp_path / name, stop_after=1) for name in ("first", "second"))
    assert cache.stat().st_size > 96 * 30 * 4
    assert (tmp_path / "first" / "features.npz").read_bytes() == (finished / "features.npz").read_bytes()
    assert [row | {"seconds": 0} for row in first.history] == [row | {"seconds": 0} for row in second.history]
    with pytest.raises(RecipeError, match=r"holds .*the recipe names .*Give the same"):
        train(small(**same, **{"features.options": "{words = 10, size = 128}"}), album, tmp_path / "third")


@pytest.mark.slow
def test_a_run_may_start_with_the_weights_of_another(album: Path, finished: Path, tmp_path: Path) -> None:
    theirs = best_network(Run(small(), finished)).state_dict()
    model = build("cnncraft", {"fer6": 6}, small().model.options)
    head = model.heads.linear["fer6"].weight.clone()
    assert len(start_from(model, finished)) == 64
    own = model.state_dict()
    assert torch.equal(own["encoder.0.weight"], theirs["encoder.0.weight"])
    assert torch.equal(own["heads.linear.fer6.weight"], head)
    train(small(start_from=str(finished)), album, tmp_path, stop_after=1)
    assert set(json.loads((tmp_path / "beginning.json").read_text())) == {"start_from"}  # the encoder is that of the earlier run
    with pytest.raises(RecipeError, match=r"holds no best\.safetensors"):
        start_from(model, tmp_path / "nowhere")
    with pytest.raises(RecipeError, match="is of another architecture"):
        start_from(build("cnn1", {"fer7": 7}), finished)


@pytest.mark.slow
def test_a_branch_that_is_off_needs_nothing(album: Path, tmp_path: Path) -> None:
    train(small(start_from="", **{"model.options.branches": '["backbone"]'}), album, tmp_path)
    assert not (tmp_path / "features.npz").exists()
    assert not (tmp_path / "beginning.json").exists()
    assert load_model(tmp_path / "model.onnx").features is None


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"model.options.handcrafted": "31"}, RecipeError, "takes 31 numbers of handcrafted features, and the recipe gives 30"),
        ({"model.name": "cnn1", "model.options": "{}"}, RecipeError, "CNN1 has no branch handcrafted"),
        ({"features.name": "network", "features.options": "{}"}, RecipeError, "features of a network are for classical models"),
        ({"features.options": "{words = 1}"}, OptionError, "words is 2 or more"),
        ({"model.options.branches": '["backbon"]'}, RecipeError, "branches are one or more of"),
        ({"model.options.backbone": "sdl", "model.options.backbone_options": "{}"}, RecipeError, "sdl has no maps of features"),
    ],
)
def test_what_does_not_fit_is_told(changes: dict[str, str], error: type[Exception], told: str, album: Path, tmp_path: Path) -> None:
    with pytest.raises(error, match=told):
        train(small(**changes), album, tmp_path)


def split_of_two(channels: int) -> Split:
    images = torch.arange(2 * channels * 4, dtype=torch.uint8).view(2, channels, 2, 2) * 10
    classes = torch.tensor([FER7.index("fear"), FER7.index("anger")])
    return Split(images, {"fer7": HeadTargets(FER7, torch.eye(7)[classes], torch.ones(2, dtype=torch.bool), classes)})


def test_rows_of_a_tinted_class_stand_in_warm_and_cold_light_too() -> None:
    split = split_of_two(3)
    more = tinted(split, ["fear"])
    fear, one, sign = FER7.index("fear"), split.images[0].int(), torch.tensor([30, 0, -30]).view(3, 1, 1)
    assert more.heads["fer7"].classes.tolist() == [*split.heads["fer7"].classes.tolist(), *[fear] * 5]
    assert more.heads["fer7"].known.all()
    expected = [one, split.images[1].int(), (one + sign).clamp(0, 255), (one - sign).clamp(0, 255)]
    expected += [part.flip(2) for part in (one, (one + sign).clamp(0, 255), (one - sign).clamp(0, 255))]
    assert torch.equal(more.images.int(), torch.stack(expected))


def test_tinting_wants_colours_and_classes_that_exist() -> None:
    with pytest.raises(RecipeError, match="needs RGB pictures; received gray ones"):
        tinted(split_of_two(1), ["fear"])
    with pytest.raises(RecipeError, match=r"protocol\.tinted names fera; fer7 has"):
        tinted(split_of_two(3), ["fera"])
