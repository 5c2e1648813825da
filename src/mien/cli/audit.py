"""`mien data audit`: what is wrong with a data set or a split, as a table, JSON, a page with the pictures, and a cleaned manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.console import command_line, progress, show_json, show_table, stdout
from mien.cli.dividing import Division, Fold, Protocol, ProtocolOption, Rows, Seed
from mien.cli.options import DataDir, DatasetName, DatasetOption, Json, values

if TYPE_CHECKING:
    from mien.audit.findings import Audit
    from mien.audit.rules import Selection
    from mien.datasets.base import Dataset


def audit(
    dataset: DatasetName,
    data: DataDir,
    split: Annotated[list[str] | None, typer.Option(help="Only the rows of that split; may be repeated.", show_default="all")] = None,
    rows: Rows = None,
    protocol: Protocol = None,
    fold: Fold = None,
    seed: Seed = 0,
    protocol_option: ProtocolOption = None,
    option: DatasetOption = None,
    near: Annotated[bool, typer.Option("--near/--no-near", help="Look for near twins, mirrored ones and altered copies, too.")] = True,
    threshold: Annotated[float, typer.Option(help="The correlation from which pictures are near twins.")] = 0.95,
    report: Annotated[Path | None, typer.Option(help="Write an HTML page with the pictures.", show_default=False)] = None,
    write_clean: Annotated[Path | None, typer.Option(help="Write a cleaned manifest (CSV); needs --rule.", show_default=False)] = None,
    rule: Annotated[list[str] | None, typer.Option(help="A rule of the cleaned manifest; may be repeated.", show_default=False)] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 when there is a leak or a fault.")] = False,
    as_json: Json = False,
) -> None:
    """Audit a data set or a split.

    Twins on both sides, near twins, conflicting labels, people and sequences on both sides, constant pictures, class balance.
    """
    options = values(option, "--option") | ({} if rows is None else {"rows": rows})
    division = Division.of(protocol, fold, seed, protocol_option)
    _check_targets(report, write_clean, rule or ())
    from mien.audit import audit as search
    from mien.datasets import load_dataset

    with progress() as advance:
        advance(f"{dataset}: reading", 0, None)
        judged = _only(division.apply(load_dataset(dataset, data, **options)), split or ())
        found = search(judged, near=near, threshold=threshold, progress=advance)
    selection = None if write_clean is None else _clean(judged, found, rule or (), write_clean)
    kept = None if selection is None else selection.counts(judged)
    if report is not None:
        _write_page(report, judged, found, kept)
    written = [path for path in (report, write_clean) if path is not None]
    if as_json:
        cleaned = None if selection is None else {"rules": list(selection.rules), "splits": kept}
        show_json({**found.to_dict(), "cleaned": cleaned, "written": list(map(str, written))})
    else:
        _show(found, kept, written)
    if strict and not found.clean:
        raise typer.Exit(1)


def _check_targets(report: Path | None, write_clean: Path | None, rules: Sequence[str]) -> None:
    """What can't be written is told before the search begins."""
    from mien.audit.manifest import check_manifest
    from mien.audit.rules import RULES
    from mien.core.errors import UnknownNameError
    from mien.report.page import check_report

    if bool(rules) != (write_clean is not None):
        raise typer.BadParameter(f"A file and at least one --rule go together; rules: {', '.join(RULES)}.", param_hint="--write-clean")
    for path, check in ((report, check_report), (write_clean, check_manifest)):
        if path is not None:
            check(path)
    for rule in rules:
        if rule not in RULES:
            raise UnknownNameError("rule", rule, RULES)


def _only(dataset: Dataset, splits: Sequence[str]) -> Dataset:
    """The rows of those splits; all of them where none is named."""
    import numpy as np

    from mien.core.errors import DatasetAbsentError
    from mien.datasets.base import split_name

    if not splits:
        return dataset
    picked = np.isin(dataset.split, [split_name(split) for split in splits])
    if not picked.any():
        raise DatasetAbsentError(f"{dataset.name} has no row in the split {' or '.join(splits)}. Choose another split.")
    return dataset.take(picked)


def _clean(dataset: Dataset, found: Audit, rules: Sequence[str], path: Path) -> Selection:
    from mien.audit.manifest import write_clean
    from mien.audit.rules import select

    selection = select(dataset, found, rules)
    write_clean(path, dataset, selection)
    return selection


def _write_page(path: Path, dataset: Dataset, found: Audit, kept: Mapping[str, Mapping[str, int]] | None) -> None:
    from mien.audit.findings import KINDS
    from mien.audit.rules import remedies
    from mien.report.audit_page import write_audit

    acting = remedies(dataset)
    write_audit(path, dataset, found.findings, checks=found.checks, about=KINDS, remedies=acting, kept=kept, command=command_line())


def _show(found: Audit, kept: Mapping[str, Mapping[str, int]] | None, written: Sequence[Path]) -> None:
    """What was looked at, the findings, what a cleaned manifest keeps, and where the files are."""
    console, origin = stdout(), found.origin
    held = ", ".join(f"{split} {n:,}" for split, n in found.split_counts.items())
    console.print(f"{found.name}: {found.n:,} rows ({held}); split: {' '.join(filter(None, (origin.protocol, origin.fold)))}.")
    rows = [
        (finding.severity, finding.kind, f"{len(finding.rows):,}", f"{len(finding.groups):,}" if finding.groups else "", finding.summary)
        for finding in found.findings
    ]
    if rows:
        show_table(("", "Finding", ">Rows", ">Groups", "What"), rows, wide=4)
    leaks, faults = len(found.leaks), len(found.faults)
    console.print("No leak and no fault was found." if found.clean else f"Leaks: {leaks}. Faults: {faults}.")
    if len(found.split_counts) < 2:
        console.print("There is one split alone: whether rows of it are in another was not looked for.")
    if kept is not None:
        names = list(next(iter(kept.values())))
        show_table(
            ("Cleaned", *(f">{name}" for name in names)),
            [(split, *(f"{line[name]:,}" for name in names)) for split, line in kept.items() if line["rows"]],
        )
    for path in written:
        console.print(f"Wrote {path}.")
