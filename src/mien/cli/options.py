"""Options that several commands have."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

DataDir = Annotated[
    Path, typer.Option("--data", envvar="MIEN_DATA", help="The folder that the data sets lie in.", file_okay=False, show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DatasetName = Annotated[str, typer.Argument(metavar="DATASET", help="A name that `mien data list` shows.", show_default=False)]
DatasetOption = Annotated[
    list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="An option of the data set; may be repeated.")
]
Clean = Annotated[bool, typer.Option("--clean", help="Also without the images whose twin is among the training images.")]
Groups = Annotated[str, typer.Option(help="What is drawn together for the intervals: twins, subjects or sequences.")]


def pairs(settings: Sequence[str] | None, option: str) -> dict[str, str]:
    """KEY=VALUE settings as a dict. Anything else is wrong usage of `option`."""
    for setting in settings or ():
        if "=" not in setting.strip("="):
            raise typer.BadParameter(f"{setting!r} is no KEY=VALUE.", param_hint=option)
    return dict(setting.split("=", 1) for setting in settings or ())


def values(settings: Sequence[str] | None, option: str) -> dict[str, Any]:
    """KEY=VALUE settings as a dict; what JSON or Python reads as a number, true, false, null or a list is that, any other value is text."""
    return {key: _value(text) for key, text in pairs(settings, option).items()}


_PYTHON = {"True": True, "False": False, "None": None}


def _value(text: str) -> Any:
    try:
        return _PYTHON[text] if text in _PYTHON else json.loads(text)
    except json.JSONDecodeError:
        return text
