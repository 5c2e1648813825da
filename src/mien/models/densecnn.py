"""The proposed network of the thesis on static and dynamic FER (Table 4.4, Fig. 4.10 and 4.11): dense blocks, residual blocks, 94 K."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from mien.models.blocks import SLOPE, DenseLayer, PooledHeads, PooledResidual, normalisation
from mien.models.registry import register

GROWTH = 6
LAYERS = 4


@register("densecnn")
class DenseCNN(nn.Module):
    """Convolutions 8 and 16 without padding, then dense and residual blocks in turn, a map a class, global average pooling.

    The sizes are the table's: 48 → 44×44×16 → 44×44×40 → 22×22×32 → 22×22×56 → 11×11×64 → 11×11×88 → 11×11×112 → 6×6×64 → c. It prints
    48×48 for both convolutions, which does not go with the 44×44 behind them; without padding they give these.

    The table does not say what a block holds, and the plain reading (two convolutions a residual block, which the text calls "similar to
    the one in the base model", and no bottleneck) gives 54,907 parameters, far from the published 94 K. Of 216 readings (two to four
    convolutions a residual block; biases, batch normalisation and shortcut or not; in a dense layer normalisation in front, behind or none,
    and no bottleneck, one of 1×1 or one of 3×3) two come within 0.5 % of both published figures: this one, and the same with biases
    (94,339 and 420,563). A dense layer is DenseNet's (Huang et al., 2017): batch normalisation, LeakyReLU, 1×1 to four times the growth,
    batch normalisation, LeakyReLU, 3×3 to the growth, 6 maps; a residual block has four convolutions. Then, for three classes, and no
    biases but the last layer's,

    ==================  =====================  ==================
    part                separable (published)  ordinary (twin)
    ==================  =====================  ==================
    two convolutions    1,272                  1,272
    dense 16 → 40       4,232                  7,976
    residual 40 → 32    7,176                  40,768
    dense 32 → 56       5,896                  9,640
    residual 56 → 64    22,328                 147,072
    dense 64 → 88       9,224                  12,968
    dense 88 → 112      11,720                 15,464
    residual 112 → 64   30,000                 182,912
    last convolution    1,731                  1,731
    **sum**             **93,579** ("94K")     **419,803** ("420K")
    ==================  =====================  ==================

    With heads fer8 + fer7: 100,503. `separable=False` makes the twin. `per_image`: normalise each picture by itself, as the thesis does, in
    place of `mean` and `deviation` (0–1).
    """

    def __init__(
        self,
        heads: Mapping[str, int],
        separable: bool = True,
        per_image: bool = True,
        mean: float = 0.5077,
        deviation: float = 0.2550,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [normalisation(per_image, mean, deviation)]
        for before, width in ((1, 8), (8, 16)):
            layers += [nn.Conv2d(before, width, 3, bias=False), nn.BatchNorm2d(width), nn.LeakyReLU(SLOPE, inplace=True)]
        channels = 16
        for dense_blocks, width in ((1, 32), (1, 64), (2, 64)):
            for _ in range(dense_blocks * LAYERS):
                layers.append(DenseLayer(channels, GROWTH, separable))
                channels += GROWTH
            layers.append(PooledResidual(channels, width, 4, separable, nn.LeakyReLU(SLOPE, inplace=True)))
            channels = width
        self.features = nn.Sequential(*layers)
        self.heads = PooledHeads(channels, heads)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """float32 (N, 1, S, S) in 0–255 → {head: logits (N, classes), "embedding": (N, 64)}. S is 48; others from 8 work."""
        outputs: dict[str, Tensor] = self.heads(self.features(x))
        return outputs
