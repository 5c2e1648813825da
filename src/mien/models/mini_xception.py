"""mini-Xception: the base network of the thesis on static and dynamic FER (§4.2.3, Fig. 4.9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from mien.models.blocks import PooledHeads, PooledResidual, normalisation
from mien.models.registry import register


@register("mini_xception")
class MiniXception(nn.Module):
    """Two convolutions of 8 maps, four residual blocks of separable ones, a map a class, global average pooling (Arriaga et al., 2017).

    Trainable parameters with one head, batch normalisation's scale and shift counted: 56,951 for seven classes, 52,339 for three, the
    thesis's "approximately 52K". With heads fer8 + fer7: 66,175.

    `per_image`: normalise each picture by its own mean and deviation, as the thesis does, in place of `mean` and `deviation` (0–1).
    """

    def __init__(
        self,
        heads: Mapping[str, int],
        widths: Sequence[int] = (16, 32, 64, 128),
        per_image: bool = True,
        mean: float = 0.5077,
        deviation: float = 0.2550,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [normalisation(per_image, mean, deviation)]
        for before in (1, 8):
            layers += [nn.Conv2d(before, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
        layers += [PooledResidual(before, width) for before, width in zip([8, *widths], widths, strict=False)]
        self.features = nn.Sequential(*layers)
        self.heads = PooledHeads(widths[-1], heads)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """float32 (N, 1, S, S) in 0–255 → {head: logits (N, classes), "embedding": (N, widths[-1])}. S is 48; others from 8 work."""
        outputs: dict[str, Tensor] = self.heads(self.features(x))
        return outputs
