"""The page of a session: how each person reacted to each question, and whether it changed; one file that opens offline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from mien.core.files import write_text
from mien.core.labels import LabelSet
from mien.core.types import ModelIdentity
from mien.dynamics.session import PHASES, Answer, Difference, differences
from mien.report import page
from mien.report.cards import count
from mien.report.charts import clock, portion, safe, source_name
from mien.report.session_tables import people
from mien.report.thumbs import data_uri

SHEET = "session.css"
PHASE_WORDS = {"pre": "before", "post": "after", "": ""}
FIGURE_WORDS = {
    "valence_mean": ("Valence", "positive less negative, −1 to 1"),
    "valence_sd": ("Spread of valence", "0: always the same"),
    "rmssd": ("Instability", "change of valence from half second to half second"),
    "switches_per_minute": ("Switches a minute", "changes of the leading expression"),
    "entropy_bits": ("Variety", "entropy of the expressions, bits; 0: one only"),
    "reaction_s": ("Time to react", "seconds to the first new expression"),
}
_READING = (
    "Each question is a part of a video; its band goes from start to end, and a gap in it is a time without the face. Shares say for how "
    "much of the time in which the face was seen an expression led, after smoothing. A reaction is the first expression but neutral that "
    "was not there when the question began; without one the face may have reacted in ways that no label names. Before and after are "
    "compared over questions that a person was seen at in both, each person counting alike; the intervals are Student's over people, or "
    "over the questions of one. An interval that holds zero says that such a difference comes about by chance; one that does not is still "
    "no proof of a cause, and of many figures some will stand out by chance."
)


@dataclass(frozen=True, eq=False)
class SessionSetting:
    """What stands in the head of the page: `model`, `detector`, further `facts`, the `metrics` of the model's card, the `command`."""

    model: ModelIdentity
    detector: str
    facts: Sequence[tuple[str, str]] = ()
    metrics: Sequence[Mapping[str, Any]] = ()
    command: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)


def write_session_page(
    path: str | Path, answers: Sequence[Answer], shots: Sequence[tuple[str, bytes] | None], setting: SessionSetting, title: str = "Session"
) -> None:
    """Write the page. Raises UnknownNameError for another suffix than .html and .htm, OutputError where it can't be written."""
    page.check_report(path)
    pictures = {id(one): shot for one, shot in zip(answers, shots, strict=True)}
    parts = [
        page.head(title, setting.model.labels, SHEET),
        _opening(title, setting, answers),
        _failed(setting.errors),
        _overall(answers, setting),
    ]
    parts += [_person(who, [one for one in answers if one.question.participant == who], pictures, setting) for who in people(answers)]
    parts += [f'<section><h2>How to read this</h2><div class="card"><p class="lead">{_READING}</p></div></section>\n']
    write_text(path, "".join([*parts, page.caution(setting.metrics), page.closing()]))


def sentence(one: Difference, whom: str) -> str:
    """A difference in plain words."""
    if not one.pairs or math.isnan(one.difference):
        return f"{whom}: nothing to compare."
    way = "higher" if one.difference > 0 else "lower" if one.difference < 0 else "the same"
    size = f"{abs(one.difference):.2f} {way}" if way != "the same" else "the same"
    over = f"over {count(one.pairs, 'pair')}"
    if one.interval is None:
        return f"{whom}: valence was {size} after, {over}: too few for an interval."
    sure = (
        "a change that chance alone would seldom make"
        if one.interval.low * one.interval.high > 0
        else "no change that stands out from chance"
    )
    return f"{whom}: valence was {size} after, {over} (95% interval {_signed(one.interval.low)} to {_signed(one.interval.high)}): {sure}."


def _opening(title: str, setting: SessionSetting, answers: Sequence[Answer]) -> str:
    now, model = datetime.now().astimezone(), setting.model
    facts = [
        ("Model", f'{safe(model.name)} <code title="SHA-256 {safe(model.sha256)}">{safe(model.sha256[:12])}</code>'),
        ("Detector", safe(setting.detector)),
        *((name, safe(value)) for name, value in setting.facts),
        ("Made", f'<time datetime="{now.isoformat(timespec="seconds")}">{now:%d %B %Y, %H:%M}</time>'),
    ]
    facts += [("Made again by", f"<code>{safe(setting.command)}</code>")] if setting.command else []
    terms = "".join(f"<div><dt>{key}</dt><dd>{value}</dd></div>" for key, value in facts)
    unseen = sum(one.track is None for one in answers)
    numbers = (
        (len(people(answers)), "participant"),
        (len({one.question.id for one in answers}), "question"),
        (len(answers), "answer"),
        (unseen, "unseen"),
    )
    tiles = "".join(f"<li><b>{n:,}</b> {noun}{'' if n == 1 or noun == 'unseen' else 's'}</li>" for n, noun in numbers if n)
    header = f'<header class="page"><p class="mark">mien</p><h1>{safe(title)}</h1><dl>{terms}</dl></header>'
    return f'{header}\n<main>\n<ul class="tiles">{tiles}</ul>\n'


def _failed(errors: Mapping[str, str]) -> str:
    if not errors:
        return ""
    rows = "".join(f'<tr><th scope="row">{source_name(source)}</th><td>{safe(error)}</td></tr>' for source, error in errors.items())
    return f'<section><h2>Errors</h2><div class="card wide"><table class="errors"><tbody>{rows}</tbody></table></div></section>\n'


def _overall(answers: Sequence[Answer], setting: SessionSetting) -> str:
    found = differences(answers)
    if not found:
        return ""
    said = [sentence(found[0], "All")] + [sentence(own[0], who) for who in people(answers) if (own := differences(answers, who))]
    words = "".join(f"<li>{safe(line)}</li>" for line in said)
    return f'<section><h2>Before and after</h2><div class="card"><ul class="said">{words}</ul>{_compared(found, setting)}</div></section>\n'


def _compared(found: Sequence[Difference], setting: SessionSetting) -> str:
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("", "Before", "After", "Difference", "95% interval", "Pairs"))
    rows = "".join(_row(one, setting) for one in found)
    return f'<div class="wide"><table class="compared"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'


def _row(one: Difference, setting: SessionSetting) -> str:
    is_share = one.figure in setting.model.labels.names
    name, what = (one.figure.capitalize(), "share of the time") if is_share else FIGURE_WORDS[one.figure]
    place = setting.model.labels.index(one.figure) if is_share else None
    dot = f'<i class="dot k{place}"></i>' if is_share else ""
    ends = "–" if one.interval is None else f"{_signed(one.interval.low)} to {_signed(one.interval.high)}"
    out = one.interval is not None and one.interval.low * one.interval.high > 0
    values = (_plain(one.pre), _plain(one.post), _signed(one.difference), ends, str(one.pairs))
    cells = "".join(f"<td>{value}</td>" for value in values)
    return f'<tr class="{"out" if out else ""}"><th scope="row">{dot}{safe(name)} <small>{safe(what)}</small></th>{cells}</tr>'


def _person(who: str, answers: Sequence[Answer], pictures: Mapping[int, tuple[str, bytes] | None], setting: SessionSetting) -> str:
    asked = list(dict.fromkeys(one.question.id for one in answers))
    blocks = "".join(_question([one for one in answers if one.question.id == id_], pictures, setting) for id_ in asked)
    return f'<section><h2>{safe(who)}</h2><div class="card answers">{blocks}</div></section>\n'


def _question(answers: Sequence[Answer], pictures: Mapping[int, tuple[str, bytes] | None], setting: SessionSetting) -> str:
    first = answers[0].question
    order = sorted(
        answers, key=lambda one: (PHASES.index(one.question.phase) if one.question.phase in PHASES else -1, one.question.start_s)
    )
    rows = "".join(_answer(one, pictures[id(one)], setting) for one in order)
    text = next((one.question.text for one in answers if one.question.text), "")
    return f"<article><h3>{safe(first.id)} <small>{safe(text)}</small></h3>{_changed(order)}{rows}</article>"


def _changed(answers: Sequence[Answer]) -> str:
    """One line: from what to what."""
    by_phase = {one.question.phase: one for one in answers if one.track is not None}
    if not set(PHASES) <= set(by_phase):
        return ""
    pre, post = (by_phase[phase] for phase in PHASES)
    moved = post.figures.valence_mean - pre.figures.valence_mean
    led = f"{pre.label} both times" if pre.label == post.label else f"{pre.label} before, {post.label} after"
    return f'<p class="note">{safe(led)}; valence {_signed(moved)}.</p>'


def _answer(one: Answer, shot: tuple[str, bytes] | None, setting: SessionSetting) -> str:
    asked, labels = one.question, setting.model.labels
    phase = PHASE_WORDS[asked.phase]
    when = f"{clock(asked.start_s)} – {clock(asked.end_s)}"
    head = f'<p class="when"><b>{phase.capitalize() or "Answer"}</b><br><small>{when}</small></p>'
    if one.track is None or one.label is None:
        return f'<div class="answer">{head}<p class="note">The face was not seen.</p></div>'
    figures = one.figures
    picture = "" if shot is None else _picture(*shot, labels)
    shares = list(figures.shares.values())
    top = sorted(zip(shares, labels, strict=True), reverse=True)[:3]
    words = ", ".join(f"{safe(name)} {portion(share)}" for share, name in top if share >= 0.005)
    reaction = "no new expression" if one.reaction is None else f"{safe(one.reaction)} after {one.reaction_s:.1f} s"
    steady = f"{figures.switches_per_minute:.0f} switches a minute"
    seen = "" if figures.seen_s >= 0.9 * (asked.end_s - asked.start_s) else f" · seen {clock(figures.seen_s)}"
    about = f"valence {_signed(figures.valence_mean)} · {reaction} · {steady}{seen}"
    return (
        f'<div class="answer">{head}{picture}<div><p class="said"><b>{safe(one.label)}</b> <small>{words}</small></p>'
        f'{_ribbon(one, labels)}<p class="note">{about}</p></div></div>'
    )


def _picture(label: str, shot: bytes, labels: LabelSet) -> str:
    return f'<img class="shot k{labels.index(label)}" alt="{safe(label)}" title="{safe(label)}" src="{data_uri(shot)}">'


def _ribbon(one: Answer, labels: LabelSet) -> str:
    """Which expression led when, from the start of the question to its end; a gap is a time without the face."""
    start_s, span_s = one.question.start_s, one.question.end_s - one.question.start_s
    rects, words = [], []
    for part in one.segments:
        left, right = (min(max((time_s - start_s) / span_s, 0.0), 1.0) for time_s in (part.onset_s, part.offset_s))
        rects.append(
            f'<rect class="band k{labels.index(part.label)}" x="{1000 * left:.0f}" width="{max(1000 * (right - left), 1):.0f}" height="1"/>'
        )
        words.append(f"{part.label} from {clock(max(part.onset_s - start_s, 0.0))}")
    shape = 'class="stripe" viewBox="0 0 1000 1" preserveAspectRatio="none"'
    return f'<svg {shape} role="img" aria-label="{safe(", ".join(words))}">{"".join(rects)}</svg>'


def _plain(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}".replace("-", "−")


def _signed(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:+.2f}".replace("-", "−")
