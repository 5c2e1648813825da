"""The comparison: every model on every data set, on the same pictures and by the same measure, and what each of them costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mien.artifact import ExpressionModel
from mien.bench.contenders import Contender, all_read_sequences
from mien.bench.macs import count_macs, count_parameters
from mien.bench.measure import BATCH, RUNS, SECONDS, Samples, Speed, cores, hardware, load, measure
from mien.bench.results import Bench, Judged
from mien.core.errors import ArtifactError, InputError, MienError, MissingExtraError
from mien.core.labels import LabelSet, label_set
from mien.datasets.base import Dataset, split_name
from mien.datasets.sequences import Sequences
from mien.evaluation.compare import Comparison, compare
from mien.evaluation.cost import Cost
from mien.evaluation.grouping import group_rows
from mien.evaluation.run import SequencePredictor, SplitEvaluation, evaluate, labelled_rows, scores_of

PROBES = 2
"""Pictures that every model answers for before the work begins, so that one that can't is known at once."""

Progress = Callable[[str, float, float | None], None]
Readers = Mapping[tuple[str, str], ExpressionModel]
"""Model and data set → the model as it is read for that data set."""


def bench(
    contenders: Sequence[Contender],
    datasets: Sequence[Dataset],
    split: str = "test",
    *,
    clean: bool = False,
    groups: str = "twins",
    labels: str | LabelSet | None = None,
    partial: bool = False,
    threads: int | None = 1,
    runs: int = RUNS,
    seconds: float = SECONDS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Bench:
    """Judge every contender on the `split` of every data set, and measure what it costs.

    Models of sequences are judged on `Sequences`, which `as_sequences` makes. `groups` ("twins", "subjects" or "sequences") are drawn
    together for the intervals. `labels`: the label set that models and data sets are read as; without it, each data set's own. `partial`: a
    model without some of the classes never says them, instead of being refused. `threads` is what the contenders were loaded with. `runs`:
    timed runs of one face or sequence, 0 for no timing; `seconds`: what a model may take for them.

    Every model answers for a few pictures of every data set first, and one that fails there fails for all. One that fails later is a result
    with its error, and the others go on.

    Raises
    ------
    InputError
        No contender or data set, or two of one name; models of sequences beside models of single pictures, or data sets of the other kind.
    LabelError
        A model or data set that can't be read as the labels.
    DatasetError, UnknownNameError
        No such split, label set or kind of group, a split without a labelled image, or a data set that does not tell the groups.
    MienError
        What a model raises on its first pictures.
    """
    _check_names([c.name for c in contenders], [d.name for d in datasets])
    all_read_sequences(contenders)  # or raises
    role, tell, busy = split_name(split), progress or (lambda what, done, total: None), load()
    mapped = tuple(dataset if labels is None else dataset.with_labels(label_set(labels)) for dataset in datasets)
    readers = {
        (c.name, new.name): c.read(old.labels, new.labels, partial=partial)
        for old, new in zip(datasets, mapped, strict=True)
        for c in contenders
    }
    _try_out(readers, mapped, role, groups, tell)
    judged: list[Judged] = []
    for dataset in mapped:
        judged += _judge(contenders, dataset, role, readers, clean=clean, groups=groups, seed=seed, tell=tell)
    samples = _samples(mapped[0], role)
    notes = [f"{new.name}: {note}" for old, new in zip(datasets, mapped, strict=True) for note in new.notes[len(old.notes) :]]
    alive = {one.model for one in judged if one.result is not None}
    timed = {c.name: readers[c.name, mapped[0].name] for c in contenders if c.name in alive}
    speeds = _speeds(timed, samples, threads, runs, seconds, seed, tell) if runs and timed else {}
    where = hardware()
    costs = {c.name: _cost(c, _typical(samples), speeds.get(c.name), threads, where, notes) for c in contenders}
    notes += _lengths(samples)
    if speeds and busy is not None and busy > cores() / 2:
        notes.append(f"The machine was busy when this began ({busy:.1f} processes on {cores()} cores): on an idle one it is faster.")
    facts = {c.name: {"sha256": c.network.identity.sha256, "licence": c.licence, "note": c.note} for c in contenders}
    facts = {name: {key: text for key, text in told.items() if text} for name, told in facts.items()}
    return Bench(tuple(c.name for c in contenders), mapped, role, tuple(judged), costs, facts, tuple(dict.fromkeys(notes)))


def _check_names(models: Sequence[str], datasets: Sequence[str]) -> None:
    if not models or not datasets:
        raise InputError(f"A comparison needs models and data sets; received {len(models)} and {len(datasets)}.")
    twice = sorted({name for names in (models, datasets) for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"Models and data sets are told apart by their names; received {', '.join(twice)} twice. Rename one.")


def _try_out(readers: Readers, datasets: Sequence[Dataset], role: str, groups: str, tell: Progress) -> None:
    """Whatever fails at once fails before the work begins."""
    for dataset in datasets:
        rows = labelled_rows(dataset, role)
        group_rows(dataset, rows, groups)
        for (model, on), network in readers.items():
            if on == dataset.name:
                tell(f"{model}: first pictures of {on}", 0, None)
                scores_of(network, dataset, rows[:PROBES])


def _judge(
    contenders: Sequence[Contender],
    dataset: Dataset,
    role: str,
    readers: Readers,
    *,
    clean: bool,
    groups: str,
    seed: int,
    tell: Progress,
) -> list[Judged]:
    judged: list[Judged] = []
    for contender in contenders:
        network = readers[contender.name, dataset.name]
        one = Judged(contender.name, dataset.name, contender.mapping(network), trained=contender.trained(dataset.name))

        def advance(done: int, total: int, name: str = contender.name) -> None:
            tell(f"{name} on {dataset.name} {role}", done, total)

        try:
            result = evaluate(network, dataset, role, clean=clean, groups=groups, seed=seed, progress=advance)
        except MienError as error:
            judged.append(replace(one, error=" ".join(str(error).split())))
            continue
        against, unseen = _against(result, judged[0].result if judged else None, seed)
        judged.append(replace(one, result=result, against=against, against_clean=unseen))
    return judged


def _against(result: SplitEvaluation, first: SplitEvaluation | None, seed: int) -> tuple[Comparison | None, Comparison | None]:
    """The comparison with the first model on all rows, and on those without a twin in training; None for the first model itself."""
    if first is None:
        return None, None

    def pair(rows: NDArray[np.bool_]) -> Comparison:
        return compare(result.scores[rows], first.scores[rows], result.targets[rows], result.groups[rows], seed=seed)

    return pair(np.ones(len(result.rows), bool)), None if result.clean is None else pair(result.kept)


def _samples(dataset: Dataset, role: str) -> Samples:
    """What is timed: crops (N, …), or sequences of them."""
    rows = labelled_rows(dataset, role)
    if not isinstance(dataset, Sequences):
        return dataset.images[rows[:RUNS]]
    return [dataset.pictures[dataset.frames_of(row)] for row in rows[:BATCH].tolist()]


def _typical(samples: Samples) -> NDArray[np.uint8]:
    """The first crop (1, …), or the sequence (T, …) of middle length."""
    return sorted(samples, key=len)[len(samples) // 2] if isinstance(samples, list) else samples[:1]


def _lengths(samples: Samples) -> list[str]:
    if not isinstance(samples, list):
        return []
    least, most = (pick(map(len, samples)) for pick in (min, max))
    if least == most:
        return [f"Costs are of sequences of {least} pictures."]
    return [f"Costs are of sequences of {least} to {most} pictures; multiply–accumulates of one of {len(_typical(samples))}."]


def _speeds(
    networks: Mapping[str, ExpressionModel],
    samples: Samples,
    threads: int | None,
    runs: int,
    seconds: float,
    seed: int,
    tell: Progress,
) -> dict[str, Speed]:
    def advance(done: int, total: int) -> None:
        tell("timing, in turns", done, total)

    calls = [network.predict_sequences if isinstance(network, SequencePredictor) else network.predict for network in networks.values()]
    found = measure(calls, samples, threads=threads, runs=runs, seconds=seconds, seed=seed, progress=advance)
    return dict(zip(networks, found, strict=True))


def _cost(contender: Contender, crops: NDArray[np.uint8], speed: Speed | None, threads: int | None, where: str, notes: list[str]) -> Cost:
    parameters, macs = contender.parameters, None
    if contender.graph is not None:
        try:
            parameters = count_parameters(contender.graph) if parameters is None else parameters
            macs = count_macs(contender.graph, contender.tensor(crops), input_name=contender.input_name)
        except MissingExtraError as error:
            notes.append(f"Multiply–accumulates are not counted: {error}")
        except ArtifactError as error:
            notes.append(str(error))
    return Cost(
        size_bytes=contender.size_bytes,
        parameters=parameters,
        macs=macs,
        latency_ms=speed.latency_ms if speed else None,
        latency_spread=speed.latency_spread if speed else None,
        faces_per_s=speed.faces_per_s if speed else None,
        threads=threads,
        hardware=where,
        unit="sequence" if contender.reads_sequences else "face",
    )
