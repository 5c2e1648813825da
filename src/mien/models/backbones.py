"""ImageNet's networks as torchvision builds them, with new dense layers on top: transfer learning, and the comparison with VGG."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal
from urllib.error import URLError

import torch
from torch import Tensor, nn

from mien.core.errors import RecipeError
from mien.models.blocks import Heads
from mien.models.registry import register

_OLD_NAME = re.compile(r"(\.denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")  # in torchvision's own files of DenseNets, norm.1 for norm1
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, as torchvision's weights want them


class _ImageNetInput(nn.Module):
    """Gray or RGB in 0–255 → three channels, normalised as ImageNet's networks want it."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", 255 * torch.tensor(_MEAN).view(1, 3, 1, 1))
        self.register_buffer("deviation", 255 * torch.tensor(_DEVIATION).view(1, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1 or 3, H, W) → (N, 3, H, W)."""
        return (x - self.mean) / self.deviation


class _Backbone(nn.Module):
    """A torchvision network without its classifier, flattened, under dense layers with dropout (the thesis, §4.3.2 and appendix A).

    `weights`: "none" starts at random; "imagenet" takes torchvision's (downloaded when first asked for, checked by the hash in their name);
    else the path of a file with a state dict of torchvision's names (.pth, .pt or .safetensors), its classifier left aside.
    `frozen`: how many of the network's parts, as torchvision lists them, keep their weights and running statistics; "all" freezes the
    whole of it; 0, the default, nothing.
    `hidden`: units of the dense layers. `side`: of the picture, at least 32.

    Raises RecipeError for weights that can't be had or do not fit, and for parts that do not exist.
    """

    network: str

    def __init__(
        self,
        heads: Mapping[str, int],
        side: int = 48,
        weights: str = "none",
        frozen: int | Literal["all"] = 0,
        hidden: Sequence[int] = (512, 512),
        dropout: float = 0.5,
    ) -> None:
        from torchvision.models import get_model

        super().__init__()
        whole = get_model(self.network, weights=None)
        if weights != "none":
            _load(whole, self.network, weights)
        self.normalise = _ImageNetInput()
        self.features = self._parts(whole)
        self._freeze(frozen)
        with torch.no_grad():
            shape = self.features.eval()(torch.zeros(1, 3, side, side)).shape
        self.heads = Heads(shape[1:].numel(), heads, dropout, hidden)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """float32 (N, 1 or 3, side, side) in 0–255 → {head: logits (N, classes), "embedding": (N, hidden[-1])}."""
        outputs: dict[str, Tensor] = self.heads(self.features(self.normalise(x)).flatten(1))
        return outputs

    def train(self, mode: bool = True) -> _Backbone:
        """Frozen parts stay as they are used: their batch normalisation keeps the statistics that it came with."""
        super().train(mode)
        for part in self._kept:
            part.eval()
        return self

    def _parts(self, whole: nn.Module) -> nn.Sequential:
        features: nn.Sequential = whole.features  # type: ignore[assignment]
        return features

    def _freeze(self, frozen: int | Literal["all"]) -> None:
        parts = list(self.features.children())
        count = len(parts) if frozen == "all" else frozen
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= len(parts):
            raise RecipeError(f'{self.network} has {len(parts)} parts; frozen is a number from 0 to that, or "all"; received {frozen!r}.')
        self._kept = parts[:count]
        for part in self._kept:
            part.requires_grad_(False)


def _load(model: nn.Module, network: str, weights: str) -> None:
    found = _from_imagenet(network) if weights == "imagenet" else _from_file(Path(weights))
    state = {_OLD_NAME.sub(r"\1\2", name): value for name, value in found.items()}
    own = model.state_dict()
    # How many batches a normalisation has seen stands in no file from before it was counted, and nothing here reads it.
    body = [name for name in own if not name.startswith(("classifier.", "fc.")) and not name.endswith(".num_batches_tracked")]
    wrong = [name for name in body if name not in state or state[name].shape != own[name].shape]
    if wrong:
        raise RecipeError(
            f"The weights {weights!r} are not those of torchvision's {network}: {len(wrong)} of {len(body)} tensors are missing or of "
            f"another shape, {wrong[0]} among them. Give the state dict of a {network}."
        )
    model.load_state_dict({**own, **{name: state[name] for name in body}})


def _from_imagenet(network: str) -> Mapping[str, Tensor]:
    from torchvision.models import get_model_weights

    chosen = get_model_weights(network)["IMAGENET1K_V1"]
    try:
        state: Mapping[str, Tensor] = chosen.get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:  # no network, a full disk, a wrong hash
        raise RecipeError(
            f"The ImageNet weights of {network} can't be fetched from {chosen.url} ({error}). "
            "Fetch the file elsewhere and give its path as model.options.weights."
        ) from error
    return state


def _from_file(path: Path) -> Mapping[str, Tensor]:
    from safetensors.torch import load_file

    if not path.is_file():
        raise RecipeError(f'There are no weights at {path}. Give "none", "imagenet", or the path of a file with a state dict.')
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever the bytes lead it to
        raise RecipeError(f"{path} holds no state dict that can be read ({type(error).__name__}: {error}).") from error
    if not isinstance(state, Mapping):
        raise RecipeError(f"{path} holds a {type(state).__name__}, not a state dict. Save model.state_dict().")
    return state


@register("vgg16")
class VGG16(_Backbone):
    """VGG-16 (Simonyan and Zisserman, 2015). With heads fer8 + fer7, all of it trainable: 15,247,695 parameters.

    Frozen, at 48 px, with `hidden` (512, 512) and three classes: 526,851 of 15,241,539 are trainable, as in the thesis's Table 4.9.
    """

    network = "vgg16"


@register("vgg19")
class VGG19(_Backbone):
    """VGG-19 (Simonyan and Zisserman, 2015). With heads fer8 + fer7, all of it trainable: 20,557,391 parameters."""

    network = "vgg19"


@register("vgg16_bn")
class VGG16BN(_Backbone):
    """VGG-16 with batch normalisation behind each convolution. With heads fer8 + fer7, all of it trainable: 15,256,143 parameters."""

    network = "vgg16_bn"


@register("vgg19_bn")
class VGG19BN(_Backbone):
    """VGG-19 with batch normalisation behind each convolution. With heads fer8 + fer7, all of it trainable: 20,568,399 parameters."""

    network = "vgg19_bn"


@register("resnet50")
class ResNet50(_Backbone):
    """ResNet-50 (He et al., 2016). With heads fer8 + fer7, all of it trainable: 27,973,199 parameters.

    Frozen, at 48 px, with `hidden` (512, 512) and three classes: 4,459,011 are trainable, as in the thesis's Table 4.10, whose 8,192 inputs
    of the first dense layer are the flattened 2×2×2048 maps. Its 23,587,712 others count batch normalisation's running statistics too.

    `zero_init_residual`: random weights start with every residual branch at zero, as the identity (Goyal et al., 2017, §5.1).
    """

    network = "resnet50"

    def __init__(
        self,
        heads: Mapping[str, int],
        side: int = 48,
        weights: str = "none",
        frozen: int | Literal["all"] = 0,
        hidden: Sequence[int] = (512, 512),
        dropout: float = 0.5,
        zero_init_residual: bool = False,
    ) -> None:
        from torchvision.models.resnet import Bottleneck

        super().__init__(heads, side, weights, frozen, hidden, dropout)
        if zero_init_residual and weights == "none":
            for part in self.features.modules():
                if isinstance(part, Bottleneck):
                    nn.init.zeros_(part.bn3.weight)

    def _parts(self, whole: nn.Module) -> nn.Sequential:
        return nn.Sequential(*(part for name, part in whole.named_children() if name not in ("avgpool", "fc")))


@register("densenet169")
class DenseNet169(_Backbone):
    """DenseNet-169 (Huang et al., 2017), ReLU behind its last normalisation.

    With heads fer8 + fer7, all of it trainable: 13,607,311 parameters.
    """

    network = "densenet169"

    def _parts(self, whole: nn.Module) -> nn.Sequential:
        return nn.Sequential(*super()._parts(whole), nn.ReLU())
