"""Networks that read a face over time: vectors that describe its frames, or the frames themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.models.blocks import Heads, Normalise
from mien.models.registry import register


class SequenceNetwork(nn.Module):
    """What all of them share: `numbers` describe a frame; 0 for a network that looks at gray frames itself.

    Without `lengths` every frame counts; with them, (N,), the first so many of each sequence do, and what stands behind is never looked at.
    """

    numbers = 0


def counted(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Which frames of (N, T, D) count: bool (N, T)."""
    places = torch.arange(x.shape[1], device=x.device)[None]
    return places >= 0 if lengths is None else places < lengths[:, None]


def mean_of(x: Tensor, there: Tensor) -> Tensor:
    """The mean of (N, T, D) over the frames that count: (N, D)."""
    weight = there[..., None].to(x.dtype).expand_as(x)
    return (x * weight).sum(1) / weight.sum(1)


class _Recurrent(SequenceNetwork):
    def __init__(self, recurrent: nn.RNNBase, heads: Mapping[str, int], dropout: float, dense: Sequence[int]) -> None:
        super().__init__()
        self.numbers = recurrent.input_size
        self.recurrent = recurrent
        self.dropout = nn.Dropout(dropout)
        self.heads = Heads(recurrent.hidden_size * (2 if recurrent.bidirectional else 1), heads, dropout, dense)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        """(N, T, numbers) → logits (N, classes) by head, and `embedding`."""
        if lengths is not None:
            whole = lengths.long().cpu()  # as packing wants them, whatever the device
            x = nn.utils.rnn.pack_padded_sequence(x, whole, batch_first=True, enforce_sorted=False)  # type: ignore[assignment]
        _, state = self.recurrent(x)
        last = state[0] if isinstance(state, tuple) else state
        outputs: dict[str, Tensor] = self.heads(self.dropout(torch.cat(list(last), dim=1)))
        return outputs


@register("lstm")
class LSTM(_Recurrent):
    """The recurrent half of the CNN→LSTM of the thesis on static and dynamic FER (§5.3): LSTM, dropout, a dense layer, dropout, classes.

    Its frames are the 6×6×3 = 108 numbers of the CNN's last convolution. With the defaults and the head valence3: 122,851 parameters.
    """

    def __init__(self, heads: Mapping[str, int], numbers: int = 108, hidden: int = 108, dense: int = 256, dropout: float = 0.25) -> None:
        super().__init__(nn.LSTM(numbers, hidden, batch_first=True), heads, dropout, [dense])


@register("gru")
class GRU(_Recurrent):
    """A gated recurrent unit (Cho et al., 2014) that reads the frames in both directions.

    With the defaults and the head valence3: 74,883 parameters.
    """

    def __init__(self, heads: Mapping[str, int], numbers: int = 128, hidden: int = 64, dropout: float = 0.25) -> None:
        super().__init__(nn.GRU(numbers, hidden, batch_first=True, bidirectional=True), heads, dropout, [])


@register("attention")
class TemporalAttention(SequenceNetwork):
    """One block of self-attention over the frames (Vaswani et al., 2017), whose places are told by sines, and the mean of what it gives.

    With the defaults and the head valence3: 41,923 parameters. `width` is a multiple of twice `parts`, the number of attention's heads.
    """

    def __init__(self, heads: Mapping[str, int], numbers: int = 128, width: int = 64, parts: int = 4, dropout: float = 0.25) -> None:
        if width % (2 * parts):
            raise ValueError(f"width is a multiple of twice parts; received {width} and {parts}")
        super().__init__()
        self.numbers, self.width, self.parts = numbers, width, parts
        self.entry = nn.Linear(numbers, width)
        self.before, self.asked, self.told = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.after = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.dropout = nn.Dropout(dropout)
        self.heads = Heads(width, heads, dropout)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        """(N, T, numbers) → logits (N, classes) by head, and `embedding` (N, width)."""
        there = counted(x, lengths)
        x = self.entry(x) + self._places(x)
        asked, keys, values = (part.unflatten(2, (self.parts, -1)).transpose(1, 2) for part in self.asked(self.before(x)).chunk(3, dim=2))
        mask = None if lengths is None else there[:, None, None]
        seen = F.scaled_dot_product_attention(asked, keys, values, attn_mask=mask).transpose(1, 2).flatten(2)
        x = x + self.dropout(self.told(seen))
        x = x + self.dropout(self.after(x))
        outputs: dict[str, Tensor] = self.heads(mean_of(x, there))
        return outputs

    def _places(self, x: Tensor) -> Tensor:
        """Sines and cosines of the frames' numbers, of periods from 2π to 2,000π frames: (1, T, width)."""
        rates = 1000 ** (-torch.arange(self.width // 2, device=x.device) / (self.width // 2))
        angles = torch.arange(x.shape[1], device=x.device)[:, None] * rates
        return torch.cat([angles.sin(), angles.cos()], dim=1)[None].to(x.dtype)


@register("pooled")
class Pooled(SequenceNetwork):
    """Mean, standard deviation and maximum of each number over the frames, and one linear layer: what time adds without its order.

    With the defaults and the head valence3: 1,923 parameters.
    """

    def __init__(self, heads: Mapping[str, int], numbers: int = 128, dropout: float = 0.25) -> None:
        super().__init__()
        self.numbers = numbers
        self.scale = nn.BatchNorm1d(3 * numbers)
        self.heads = Heads(3 * numbers, heads, dropout)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        """(N, T, numbers) → logits (N, classes) by head, and `embedding` (N, 3 · numbers)."""
        there = counted(x, lengths)
        mean = mean_of(x, there)
        deviation = (mean_of((x - mean[:, None]) ** 2, there) + 1e-8).sqrt()  # the root of 0 would have no gradient
        highest = x.masked_fill(~there[..., None], -torch.inf).amax(1)
        outputs: dict[str, Tensor] = self.heads(self.scale(torch.cat([mean, deviation, highest], dim=1)))
        return outputs


@register("voting")
class Voting(SequenceNetwork):
    """Every frame is classified by itself, and the scores are averaged: the frame-by-frame reading of the thesis (Algorithm 2).

    The logits are the logarithms of these means. With the defaults and the head valence3: 33,795 parameters.
    """

    def __init__(self, heads: Mapping[str, int], numbers: int = 128, dense: int = 256, dropout: float = 0.25) -> None:
        super().__init__()
        self.numbers = numbers
        self.heads = Heads(numbers, heads, dropout, [dense])

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        """(N, T, numbers) → logits (N, classes) by head, and `embedding` (N, dense)."""
        there, frames = counted(x, lengths), self.heads(x.flatten(0, 1))
        outputs = {}
        for name, found in frames.items():
            scores = found if name == "embedding" else found.softmax(1)
            mean = mean_of(scores.unflatten(0, (x.shape[0], -1)), there)
            outputs[name] = mean if name == "embedding" else (mean + 1e-8).log()
        return outputs


@register("cnn3d")
class CNN3D(SequenceNetwork):
    """Convolutions over width, height and time (Tran et al., 2015), small: 3×3×3, each with a stride of 2, the first one not in time.

    It looks at gray frames, all sequences of one length: at each as it is, and at what it has beyond the mean of its sequence, where little
    is left of whom it shows. The last maps are averaged over time, and brought to `GRID` × `GRID` places of the picture. With the defaults
    and the head valence3: 295,107 parameters.
    """

    GRID = 3

    def __init__(
        self,
        heads: Mapping[str, int],
        widths: Sequence[int] = (16, 32, 64, 128),
        dropout: float = 0.25,
        mean: float = 0.5077,
        deviation: float = 0.2550,
    ) -> None:
        super().__init__()
        self.normalise = Normalise(mean, deviation)
        layers: list[nn.Module] = [nn.BatchNorm3d(2, affine=False)]
        for place, (before, width) in enumerate(zip((2, *widths), widths, strict=False)):
            stride = (2, 2, 2) if place else (1, 2, 2)
            layers += [nn.Conv3d(before, width, 3, stride, 1, bias=False), nn.BatchNorm3d(width), nn.ReLU(inplace=True)]
        self.features = nn.Sequential(*layers)
        self.heads = Heads(widths[-1] * self.GRID**2, heads, dropout)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """float32 (N, T, S, S) in 0–255 → logits (N, classes) by head, and `embedding` (N, widths[-1] · GRID²)."""
        frames = self.normalise(x)
        maps = self.features(torch.stack([frames, frames - frames.mean(1, keepdim=True)], dim=1))
        outputs: dict[str, Tensor] = self.heads(F.interpolate(maps.mean(2), size=self.GRID, mode="bilinear").flatten(1))
        return outputs
