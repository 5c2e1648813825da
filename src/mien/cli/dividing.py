"""The options by which a command divides a data set, and the division itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.options import values

if TYPE_CHECKING:
    from mien.datasets import Dataset

_FOLDS = 8
"""Names of folds that a message tells."""

Rows = Annotated[Path | None, typer.Option(help="Only the rows that this cleaned manifest keeps.", show_default=False)]
Protocol = Annotated[
    str | None, typer.Option(help="Divide the data by this protocol; a wrong name tells them all.", show_default="as published")
]
Fold = Annotated[str | None, typer.Option(help="Which fold of the protocol: its number from 1, or its name.", show_default=False)]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the protocol.")]
ProtocolOption = Annotated[
    list[str] | None, typer.Option(metavar="KEY=VALUE", help="An option of the protocol, such as folds=10; may be repeated.")
]


@dataclass(frozen=True)
class Division:
    """A protocol as it was asked for; none leaves a data set as it is published."""

    protocol: str | None = None
    fold: str | None = None
    seed: int = 0
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, protocol: str | None, fold: str | None, seed: int, settings: Sequence[str] | None) -> Division:
        """The division that these options ask for. A fold or an option without a protocol is wrong usage."""
        options = values(settings, "--protocol-option")
        if protocol is None and (fold is not None or options):
            raise typer.BadParameter("A fold and its options belong to a protocol; give --protocol.", param_hint="--fold")
        for key in ("seed", "fold"):
            if key in options:
                raise typer.BadParameter(f"{key} has an option of its own; give --{key}.", param_hint="--protocol-option")
        return cls(protocol, fold, seed, options)

    def apply(self, dataset: Dataset) -> Dataset:
        """The data set so divided. A protocol of several folds, of which none was chosen, is wrong usage."""
        if self.protocol is None:
            return dataset
        from mien.datasets.protocols import make_split

        plan = make_split(dataset, self.protocol, fold=self.fold, **{"seed": self.seed, **self.options})
        if len(plan.folds) > 1:
            names = ", ".join(one.name for one in plan.folds[:_FOLDS]) + (" …" if len(plan.folds) > _FOLDS else "")
            raise typer.BadParameter(f"{self.protocol} has {len(plan.folds)} folds: {names}. Choose one.", param_hint="--fold")
        return plan.apply(dataset)
