"""`mien demo`: the main job, on the embedded photo and on a clip made from it."""

from __future__ import annotations

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
    from mien.core.files import write_bytes
    from mien.sources import resolve

    photo, clip = out / "portrait.jpg", out / "clip.mp4"
    write_bytes(photo, PORTRAIT.read_bytes())
    write_clip(decode_image(photo), clip)
    outputs = Outputs((out / "results.csv",), report=out / "report.html", annotate=out / "annotated")
    overview = run_into(Analyzer(), resolve([photo, clip]), outputs)
    show_overview(overview)
    for path in (clip, *outputs.paths[:-1]):
        typer.echo(f"Wrote {path}")
    typer.echo(f"Report: {outputs.paths[-1].resolve()}")
    end_with(overview)
