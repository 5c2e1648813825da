"""torchvision's networks under new heads: what is frozen, what is loaded, what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import get_model, get_model_weights

from mien.core.errors import RecipeError
from mien.models.registry import build

THREE = {"valence3": 3}


@pytest.fixture(scope="module")
def resnet() -> dict[str, torch.Tensor]:
    torch.manual_seed(5)
    return dict(get_model("resnet50").state_dict())


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_of_a_file_are_those_of_the_network(resnet: dict[str, torch.Tensor], tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save(resnet, path)
    else:
        save_file(resnet, path)
    model = build("resnet50", THREE, {"weights": str(path)})
    torch.testing.assert_close(model.state_dict()["features.0.weight"], resnet["conv1.weight"])
    torch.testing.assert_close(model.state_dict()["features.7.2.conv3.weight"], resnet["layer4.2.conv3.weight"])


@pytest.mark.slow
def test_weights_in_the_names_of_older_files(tmp_path: Path) -> None:
    """As torchvision's own file of DenseNet-169 has them: norm.1 for norm1, and no count of batches."""
    torch.manual_seed(6)
    whole = get_model("densenet169").state_dict()
    kept = {name: value for name, value in whole.items() if not name.endswith("num_batches_tracked")}
    old = {re.sub(r"(denselayer\d+\.[a-z]+)([12])", r"\1.\2", name): value for name, value in kept.items()}
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, tmp_path / "densenet169.pth")
    found = build("densenet169", THREE, {"weights": str(tmp_path / "densenet169.pth")}).state_dict()
    for name in ("denseblock1.denselayer1.norm1.weight", "denseblock4.denselayer32.conv2.weight", "norm5.running_var"):
        place, _, rest = name.partition(".")
        number = list(dict(get_model("densenet169").features.named_children())).index(place)
        torch.testing.assert_close(found[f"features.{number}.{rest}"], whole[f"features.{name}"])


@pytest.mark.slow
def test_weights_of_a_vgg_with_batch_normalisation(tmp_path: Path) -> None:
    torch.manual_seed(7)
    body = {name: value for name, value in get_model("vgg16_bn").state_dict().items() if name.startswith("features.")}
    torch.save(body, tmp_path / "vgg16_bn.pth")
    options = {"weights": str(tmp_path / "vgg16_bn.pth"), "frozen": "all"}
    model = build("vgg16_bn", THREE, options)
    torch.testing.assert_close({name: value for name, value in model.state_dict().items() if name in body}, body)
    with pytest.raises(RecipeError, match=r"not those of torchvision's vgg16: 20 of 26 tensors"):
        build("vgg16", THREE, options)


@pytest.mark.slow
def test_frozen_parts_keep_weights_and_statistics() -> None:
    model = build("resnet50", THREE, {"frozen": 5}).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)
    model(torch.rand(4, 1, 48, 48) * 255)["valence3"].sum().backward()
    optimizer.step()
    changed = {name.split(".")[1] for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"5", "6", "7", "hidden", "linear"}
    assert not model.features[4].training  # type: ignore[index, union-attr]


@pytest.mark.slow
def test_residual_branches_of_random_weights_may_start_at_zero(resnet: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.save(resnet, tmp_path / "weights.pth")
    zero = {"zero_init_residual": True}
    maps = torch.rand(2, 256, 4, 4)
    blocks = [
        build("resnet50", THREE, options).get_submodule("features.4.1")
        for options in (zero, {}, zero | {"weights": str(tmp_path / "weights.pth")})
    ]
    assert [torch.equal(block(maps), maps) for block in blocks] == [True, False, False]


@pytest.mark.slow
def test_gray_and_colour_pictures_are_seen_alike() -> None:
    model = build("vgg16", THREE).eval()
    gray = torch.rand(2, 1, 48, 48) * 255
    with torch.inference_mode():
        torch.testing.assert_close(model(gray)["valence3"], model(gray.expand(-1, 3, -1, -1))["valence3"])


@pytest.mark.parametrize("frozen", [-1, 40, 1.5, True, "none"])
def test_parts_that_do_not_exist(frozen: Any) -> None:
    with torch.device("meta"), pytest.raises(RecipeError, match=r'vgg16 has 31 parts; frozen is a number from 0 to that, or "all"'):
        build("vgg16", THREE, {"frozen": frozen})


@pytest.mark.slow
def test_weights_that_can_not_be_had(resnet: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RecipeError, match=r"no weights at .*imagnet.* \"imagenet\""):
        build("resnet50", THREE, {"weights": "imagnet"})
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(RecipeError, match="no state dict that can be read"):
        build("resnet50", THREE, {"weights": str(tmp_path / "text.pth")})
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(RecipeError, match="holds a list, not a state dict"):
        build("resnet50", THREE, {"weights": str(tmp_path / "list.pth")})
    torch.save(resnet, tmp_path / "resnet.pth")
    with pytest.raises(RecipeError, match=r"not those of torchvision's vgg16: 26 of 26 tensors"):
        build("vgg16", THREE, {"weights": str(tmp_path / "resnet.pth")})

    def offline(*_: Any, **__: Any) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(RecipeError, match=r"can't be fetched from https.*resnet50.*give its path as model\.options\.weights"):
        build("resnet50", THREE, {"weights": "imagenet"})


def test_a_fetched_file_is_held_to_its_hash(resnet: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torchvision's file names end in the start of their SHA-256; a file of another content is refused, by torch's own check."""
    url = get_model_weights("resnet50")["IMAGENET1K_V1"].url
    torch.save(resnet, tmp_path / "other.pth")
    fetch = torch.hub.download_url_to_file

    def from_disk(_: str, *rest: Any, **options: Any) -> None:
        fetch((tmp_path / "other.pth").as_uri(), *rest, **options)

    monkeypatch.setattr(torch.hub, "download_url_to_file", from_disk)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    assert "-" in url.rsplit("/", 1)[1]
    with pytest.raises(RecipeError, match="invalid hash value"):
        build("resnet50", THREE, {"weights": "imagenet"})
