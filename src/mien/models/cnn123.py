"""CNN1, CNN2 and CNN3 of Huang's comparison of small networks (§2.4, Table 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from mien.models.blocks import Heads, Normalise
from mien.models.registry import register

_POOL = (0, 0)
_Layers = Sequence[tuple[int, int]]  # kernel size and filters of each convolution; _POOL for a 2×2 max-pool


class _PlainCNN(nn.Module):
    """Convolutions with ReLU and max-pools as listed, then dense layers of 2048 and 1024 units with dropout.

    The paper gives the dense layers in the table of CNN3 alone, and says that all three networks end in two of them.
    """

    layers: _Layers

    def __init__(
        self,
        heads: Mapping[str, int],
        side: int = 48,
        dropout: float = 0.5,
        hidden: Sequence[int] = (2048, 1024),
        mean: float = 0.5077,
        deviation: float = 0.2550,
    ) -> None:
        super().__init__()
        stack: list[nn.Module] = [Normalise(mean, deviation)]
        channels = 1
        for kernel, filters in self.layers:
            if (kernel, filters) == _POOL:
                stack.append(nn.MaxPool2d(2))
                side //= 2
            else:
                stack += [nn.Conv2d(channels, filters, kernel, padding=kernel // 2), nn.ReLU()]
                channels = filters
        self.features = nn.Sequential(*stack, nn.Flatten())
        self.heads = Heads(channels * side * side, heads, dropout, hidden)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """float32 (N, 1, side, side) in 0–255 → {head: logits (N, classes), "embedding": (N, 1024)}."""
        outputs: dict[str, Tensor] = self.heads(self.features(x))
        return outputs


@register("cnn1")
class CNN1(_PlainCNN):
    """Three 3×3 convolutions of 32, 64 and 128 filters, each with a 2×2 max-pool. With heads fer8 + fer7: 11,645,455 parameters."""

    layers = ((3, 32), _POOL, (3, 64), _POOL, (3, 128), _POOL)


@register("cnn2")
class CNN2(_PlainCNN):
    """A 1×1 convolution behind the input, then three 3×3 ones of 32, 32 and 64 filters, each with a 2×2 max-pool.

    The 1×1 convolution has 32 filters, as in the table of CNN3; the text does not say. With heads fer8 + fer7: 6,871,247 parameters.
    """

    layers = ((1, 32), (3, 32), _POOL, (3, 32), _POOL, (3, 64), _POOL)


@register("cnn3")
class CNN3(_PlainCNN):
    """Table 1: 1×1×32, 3×3×64, 5×5×64, pool, 3×3×64, 5×5×64, pool, 2048, 1024. With one head of eight classes: 21,243,208 parameters.

    64 + 18,496 + 102,464 + 36,928 + 102,464 for the convolutions, 18,876,416 + 2,098,176 + 8,200 for the dense layers. With heads fer8 +
    fer7: 21,250,383.
    """

    layers = ((1, 32), (3, 64), (5, 64), _POOL, (3, 64), (5, 64), _POOL)
