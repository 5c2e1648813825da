"""The README's table of the models that ship, from what their cards say. Measures nothing.

python benchmarks/cards.py [README.md]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from documents import into, table

from mien.artifact import list_models, read_card

COLUMNS = ("Model", "Parameters", "Size", "Test split", "n", "Accuracy", "95 % interval", "Macro-F1", "ECE", "Without twins")
SPLITS = {"fer2013": "FER2013 PrivateTest, 7 classes", "ferplus": "FER+ test, 8 classes, majority of `label.csv`"}


def section() -> str:
    """A row for each model and test split: the default first, then by name."""
    models = sorted(list_models().items(), key=lambda item: (item[0] != "default", item[0]))
    rows = [line for name, path in models for line in rows_of(name, path)]
    return table(COLUMNS, rows)


def rows_of(name: str, path: Path) -> list[list[str]]:
    card = read_card(path)
    figures = {entry["dataset"]: entry for entry in card.metrics if entry["split"] == "test"}
    facts = [f"`{name}`", f"{card.parameters:,}", f"{path.stat().st_size / 1e6:.1f} MB"]
    return [[*(facts if place == 0 else [""] * 3), *cells(figures[key], told)] for place, (key, told) in enumerate(SPLITS.items())]


def cells(entry: dict[str, Any], split: str) -> list[str]:
    overall, clean = entry["overall"], entry["clean"]
    interval = overall["accuracy_interval"]
    return [
        split,
        f"{overall['n']:,}",
        f"**{100 * overall['accuracy']:.1f} %**",
        f"{100 * interval['low']:.1f} – {100 * interval['high']:.1f}",
        f"{overall['macro_f1']:.3f}",
        f"{overall['ece']:.3f}",
        f"{100 * clean['accuracy']:.1f} % of {clean['n']:,}",
    ]


if __name__ == "__main__":
    print(f"Wrote {into(Path(sys.argv[1] if len(sys.argv) > 1 else 'README.md'), 'models', section())}")
