"""The tables and paragraphs of benchmarks/systems.py, made of its records and of the papers' claims in systems.toml alone."""

from __future__ import annotations

import base64
import json
import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from documents import table
from numpy.typing import NDArray
from scipy.stats import ttest_rel

from mien.evaluation.bootstrap import Interval, resampled_sums
from mien.evaluation.compare import mcnemar
from mien.evaluation.seeds import over_runs

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HEADING = "## The published systems"
RECORDS = Path("docs/training/systems")
CLAIMS = Path(__file__).with_name("systems.toml")
COLUMNS = (
    "System",
    "Claim",
    "Ours, all",
    "Ours, clean",
    "Test pictures",
    "Seeds",
    "Epochs",
    "Trained on",
    "Parameters",
    "Size",
    "ms a face",
)
Record = dict[str, Any]


def section(folder: Path) -> str:
    """The section of docs/results.md: tables, what was run, and a paragraph for each claim that was tested."""
    claims = tomllib.loads(CLAIMS.read_text(encoding="utf-8"))
    records = [read(path) for path in sorted(folder.glob("*.json"))]
    parts = [HEADING, *(part if part.startswith("```") else wrapped(part) for part in claims["introduction"].split("\n\n"))]
    for group in claims["groups"]:
        parts += chapter(group, records)
    return "\n\n".join([*parts, *differences(claims["differences"], claims["differences_note"], records)]) + "\n"


def read(path: Path) -> Record:
    """A record with the mean accuracy of its seeds and its interval, over "all" and "clean" pictures."""
    record: Record = json.loads(path.read_text(encoding="utf-8"))
    right = answers(record)
    unseen = over_pictures(record, right, clean=True) if record["runs"][0]["clean"] else None
    return record | {"all": over_pictures(record, right), "clean": unseen}


def spliced(path: Path, text: str) -> str:
    """The document at `path` with `text` in place of its section, which is its last."""
    before = path.read_text(encoding="utf-8").partition(HEADING)[0].rstrip() if path.is_file() else ""
    return f"{before}\n\n{text}".lstrip()


def section_in(path: Path) -> str:
    """The section as it stands in the document, or nothing."""
    _, heading, text = path.read_text(encoding="utf-8").partition(HEADING) if path.is_file() else ("",) * 3
    return heading + text


def chapter(group: dict[str, Any], records: Sequence[Record]) -> Iterable[str]:
    found = [(row, [record for record in records if record["recipe"] == row["recipe"]]) for row in group["rows"]]
    yield f"### {group['title']}"
    yield wrapped(group["note"])
    if any(records for _, records in found):
        yield table(COLUMNS, [line for row, records in found for line in [cells(row, record) for record in records] or [not_run(row)]])
    else:
        yield table(("System", "Claim", "Ours"), [(named(row), claimed(row), "not run") for row, _ in found])
    tested = [(row, record) for row, records in found for record in records]
    if tested:
        yield "What was run, and what was changed against the shipped recipe:"
        yield "\n".join(wrapped(f"- {run_line(record)}", "  ") for _, record in tested)
        yield from (paragraph(row, record) for row, record in tested if "claim" in row)


def not_run(row: dict[str, Any]) -> Sequence[str]:
    return (named(row), claimed(row), "not run", *[""] * (len(COLUMNS) - 3))


def cells(row: dict[str, Any], record: Record) -> Sequence[str]:
    speed, runs = record["speed"], record["runs"]
    low, high = speed["latency_spread"]
    return (
        named(row),
        claimed(row),
        f"**{percent(*record['all'])}**",
        percent(*record["clean"]) if record["clean"] else "",
        f"{record['n']:,}; {int(mask(record['kept'], record['n']).sum()):,}",
        seeds(runs),
        f"{mean(runs, 'epochs'):,.0f} of {record['planned_epochs']}; best {best(runs)}" if trained_by_epochs(record) else "",
        f"{device(record)}, {duration(mean(runs, 'seconds'))}",
        f"{record['parameters']:,}" if record["parameters"] is not None else "",
        f"{mean(runs, 'bytes') / 2**20:.2f} MiB",
        f"{speed['latency_ms']:.2f} ({low:.2f} – {high:.2f}); miennet {speed['miennet_ms']:.2f}",
    )


def mask(text: str, n: int) -> NDArray[np.bool_]:
    """The mask (n,) behind the base64 of its bits."""
    return np.unpackbits(np.frombuffer(base64.b64decode(text), np.uint8), count=n).astype(bool)


def answers(record: Record) -> NDArray[np.float64]:
    """The share of a record's seeds that answers each picture rightly: (n,)."""
    return np.asarray(np.mean([mask(run["right"], record["n"]) for run in record["runs"]], axis=0))


def over_pictures(record: Record, values: NDArray[np.float64], clean: bool = False) -> tuple[float, Interval]:
    """The mean of a value a picture, and its interval over pictures, twins drawn together."""
    groups = np.arange(record["n"])
    for places in record["together"]:
        groups[places] = places[0]
    rows = mask(record["kept"], record["n"]) if clean else np.ones(record["n"], bool)
    sums = resampled_sums(np.stack([values[rows], np.ones(rows.sum())], axis=1), groups[rows])
    return float(values[rows].mean()), Interval.of(sums[:, 0] / sums[:, 1])


def percent(middle: float, ends: Interval) -> str:
    return f"{100 * middle:.2f} % ({100 * ends.low:.1f} – {100 * ends.high:.1f})"


def named(row: dict[str, Any]) -> str:
    return f"{row['system']}, `{row['recipe']}`"


def claimed(row: dict[str, Any]) -> str:
    """The paper's figure as it prints it."""
    return str(row.get("printed", f"{row['claim']:g} %")) if "claim" in row else "none"


def mean(runs: Sequence[dict[str, Any]], key: str) -> float:
    return float(np.mean([run[key] for run in runs]))


def seeds(runs: Sequence[dict[str, Any]]) -> str:
    if len(runs) == 1:
        return f"1 (seed {runs[0]['seed']})"
    found = over_runs([100 * run["all"]["accuracy"] for run in runs])
    return f"{found.n}; sd {found.sd:.2f}, ± {found.mean - found.interval.low:.2f}" if found.interval else ""


def best(runs: Sequence[dict[str, Any]]) -> str:
    if len(runs) == 1:
        return ", ".join(map(str, runs[0]["best_epoch"]))
    flat = [epoch for run in runs for epoch in run["best_epoch"]]
    return f"{min(flat)} – {max(flat)}" if len(set(flat)) > 1 else str(flat[0])


def device(record: Record) -> str:
    on = record["trained_on"]
    return f"CPU, {on['threads']} thread{'s' if on['threads'] > 1 else ''}" if on["device"] == "cpu" else on["hardware"]


def trained_by_epochs(record: Record) -> bool:
    """Whether it is a network's, or one of a classical model, which is fitted once."""
    return mean(record["runs"], "epochs") > 0


def duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 2 * 3600 else f"{seconds / 3600:.1f} h"


def run_line(record: Record) -> str:
    on, runs = record["trained_on"], record["runs"]
    told = "; ".join(f"{key} {shown(was)} → {shown(now)}" for key, (was, now) in record["changes"].items()) or "nothing changed"
    busy = " The machine was busy when it was timed." if record["speed"]["busy"] else ""
    files = ", ".join(f"`{run['sha256'][:12]}…`" for run in runs)
    files += f", [log](training/systems/{record['name']}.csv)" if trained_by_epochs(record) else ""
    where = f"{on['hardware']}, PyTorch {on['torch']}, mien {on['mien']}; timed on {record['speed']['hardware']}."
    return f"`{record['name']}` ({files}): {told}. {where}{busy}"


def shown(value: Any) -> str:
    return "none" if value is None else json.dumps(value) if isinstance(value, bool) else str(value)


def paragraph(row: dict[str, Any], record: Record) -> str:
    middle, ends = record["all"]
    of = f" ({row['of']})" if "of" in row else ""
    apart = gap(row["claim"], 100 * middle, 100 * ends.high) if row.get("same", True) else "on other pictures than the claim's"
    parts = [f"**{row['system']}, `{record['name']}`.** Claim: {claimed(row)}{of}. Ours: {percent(middle, ends)}, {apart}."]
    parts += measured(record)
    if "right" in row:
        parts.append(by_class(row["right"], record["runs"]))
    unknown = f"*Not known:* {row['unknown']}" if "unknown" in row else ""
    return "\n\n".join(wrapped(text) for text in (" ".join(parts), row.get("measured", ""), unknown) if text)


def gap(claim: float, ours: float, high: float) -> str:
    if ours >= claim:
        return "which reaches it"
    return f"{claim - ours:.1f} points below" + (", the claim within the interval" if high >= claim else "")


def measured(record: Record) -> Iterable[str]:
    """What the runs themselves say of the gap."""
    runs = record["runs"]
    yield "*Measured:*"
    if all(run["validation"] is not None for run in runs):
        told = "picked the epoch" if trained_by_epochs(record) else "fitted the temperature"
        yield f"On validation, which {told}, it has {100 * mean(runs, 'validation'):.2f} %."
    if record["clean"]:
        yield f"Without the test pictures that stand in training it changes by {signed(record['clean'][0] - record['all'][0])} points."
    if 0 < mean(runs, "epochs") < record["planned_epochs"]:
        yield f"{mean(runs, 'epochs'):,.0f} of the recipe's {record['planned_epochs']} epochs were run."


def by_class(theirs: dict[str, int], runs: Sequence[dict[str, Any]]) -> str:
    of = runs[0]["all"]["of"]
    ours = {label: float(np.mean([run["all"]["right"][label] for run in runs])) for label in theirs}
    told = ", ".join(f"{label} {theirs[label]} / {ours[label]:.0f} of {of[label]}" for label in theirs)
    return f"Right answers by class, the paper's / ours: {told}."


def differences(pairs: Sequence[Sequence[str]], note: str, records: Sequence[Record]) -> Iterable[str]:
    """The table of differences between records that answered the same pictures."""
    of = {recipe: [record for record in records if record["recipe"] == recipe] for pair in pairs for recipe in pair}
    lines = [difference(first, second) for a, b in pairs for first in of[a] for second in of[b] if first["rows"] == second["rows"]]
    if lines:
        yield "### Differences on the same pictures"
        yield wrapped(note)
        yield table(("", "Difference", "Right alone", "p"), lines)


def difference(first: Record, second: Record) -> Sequence[str]:
    """One line of that table."""
    middle, ends = over_pictures(first, answers(first) - answers(second))
    told = f"{signed(middle, 2)} ({signed(ends.low)} – {signed(ends.high)})"
    return (f"`{first['name']}` − `{second['name']}`", told, *paired(first, second))


def paired(first: Record, second: Record) -> tuple[str, str]:
    """What each has right alone, with McNemar's mid-p; of several seeds, the same of both, the difference of each, with p of paired t."""
    left, right = ({run["seed"]: mask(run["right"], record["n"]) for run in record["runs"]} for record in (first, second))
    if len(left) == len(right) == 1:
        (a,), (b,) = left.values(), right.values()
        alone = int((a & ~b).sum()), int((b & ~a).sum())
        return f"{alone[0]} / {alone[1]}", chance(mcnemar(*alone)[1])
    if left.keys() != right.keys():
        return "", ""
    pairs = [(left[seed].mean(), right[seed].mean()) for seed in sorted(left)]
    return "by seed " + ", ".join(signed(a - b, 2) for a, b in pairs), chance(ttest_rel(*zip(*pairs, strict=True)).pvalue)


def chance(p: float) -> str:
    return "< 0.001" if p < 0.0005 else f"{p:.3f}"


def signed(share: float, digits: int = 1) -> str:
    return f"{100 * share:+.{digits}f}".replace("-", "−")


def wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(" ".join(text.split()), 150, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
