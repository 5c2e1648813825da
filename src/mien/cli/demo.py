"""`mien demo`: the main job, on the embedded photo and on a clip made from it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from mien.cli.doctor import PORTRAIT
from mien.cli.outputs import Outputs, end_with, run_into, show_overview


def demo(
    out: Annotated[Path, typer.Option(help="The folder to write into.")] = Path("mien-demo"),
) -> None:
    """Analyse the embedded photo, and a clip made from it.

    Writes a table, the annotated photo and clip, and a report into the folder.
    """
    from mien.analysis.analyzer import Analyzer
    from mien.cli.clip import write_clip
    from mien.core.decode import decode_image
    from mien.core.errors import OutputError
    from mien.core.files import write_bytes
    from mien.sources import resolve

    photo, clip, table, page = (out / name for name in ("portrait.jpg", "clip.mp4", "results.csv", "report.html"))
    portrait = PORTRAIT.read_bytes()
    if not (photo.is_file() and photo.read_bytes() == portrait):  # an earlier demo's own may be written again
        for path in (photo, clip, table, page):
            if os.path.lexists(path):
                raise OutputError(f"{path} is there already, and not of an earlier demo. Give another folder with --out.")
    write_bytes(photo, portrait)
    write_clip(decode_image(photo), clip)
    outputs = Outputs((table,), report=page, annotate=out / "annotated")
    overview = run_into(Analyzer(), resolve([photo, clip]), outputs)
    show_overview(overview)
    for path in (clip, *outputs.paths[:-1]):
        typer.echo(f"Wrote {path}")
    typer.echo(f"Report: {outputs.paths[-1].resolve()}")
    end_with(overview)
