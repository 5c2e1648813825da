"""The table that says which part of a video belongs to which question, read with every fault told."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mien.core.errors import InputError
from mien.datasets.tables import csv_records
from mien.dynamics.session import PHASES, Question

NEEDED = ("id", "start", "end")
COLUMNS = (*NEEDED, "text", "phase", "participant", "video", "track")
_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d+)?)")
_MOST_FAULTS = 5


def read_questions(path: str | Path, videos: Sequence[str]) -> list[Question]:
    """The rows of a CSV table, of which only NEEDED columns have to be there.

    `id`, `text`: of the question; the same id before and after makes a pair. `start`, `end`: in the video, as seconds or as [h:]mm:ss.
    `phase`: pre, post, or empty. `participant`: of whom; by default the video's name. `video`: the path, file name or stem of one of
    `videos`; may be empty where there is one only. `track`: the number of the participant's face, where several are in the picture.

    Raises InputError; the message lists the first faults with their rows.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no table of segments at {path}. Give a CSV file with the columns {', '.join(COLUMNS)}.")
    records = csv_records(path)
    if missing := [name for name in NEEDED if not records or name not in records[0]]:
        said = f"no column {', '.join(missing)}" if records else "no rows"
        raise InputError(f"{path} has {said}; a table of segments has {', '.join(COLUMNS)}, of which {', '.join(NEEDED)} are needed.")
    found, faults = [], []
    for number, record in enumerate(records, start=1):
        try:
            found.append(_question(record, videos))
        except ValueError as error:
            faults.append(f"row {number} {error}")
    if faults:
        more = f"; and {len(faults) - _MOST_FAULTS} more" if len(faults) > _MOST_FAULTS else ""
        raise InputError(f"{path} can't be used: {'; '.join(faults[:_MOST_FAULTS])}{more}.")
    return found


def seconds(text: str) -> float:
    """A time as seconds: "75", "75.5", "1:15" or "0:01:15". Raises ValueError."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None or ((found[1] or found[2]) and float(found[3]) >= 60) or (found[1] and int(found[2]) >= 60):
        raise ValueError(f"has the time {text!r}; allowed are seconds such as 75.5, or [h:]mm:ss such as 1:15")
    hours, minutes, rest = (float(part or 0) for part in found.groups())
    return math.fsum((3600 * hours, 60 * minutes, rest))


def _question(record: Mapping[str, str], videos: Sequence[str]) -> Question:
    """One row. Raises ValueError with the rest of a sentence."""
    if not record["id"]:
        raise ValueError("has no id")
    start_s, end_s = (seconds(record[name]) for name in ("start", "end"))
    if end_s <= start_s:
        raise ValueError(f"ends at {record['end']}, not after its start at {record['start']}")
    phase, video, track = record.get("phase", "").lower(), _video(record.get("video", ""), videos), record.get("track", "")
    if phase and phase not in PHASES:
        raise ValueError(f"has the phase {record['phase']!r}; allowed are {' and '.join(PHASES)}, or none")
    if track and not track.isdecimal():
        raise ValueError(f"has the track {track!r}; allowed are whole numbers, or none")
    who = record.get("participant") or Path(video).stem
    return Question(record["id"], record.get("text", ""), start_s, end_s, phase, who, video, int(track) if track else None)


def _video(name: str, videos: Sequence[str]) -> str:
    if not name and len(videos) == 1:
        return videos[0]
    if not name:
        raise ValueError(f"names no video, and there are {len(videos)}")
    for form in (str, lambda video: Path(video).name, lambda video: Path(video).stem):
        same = [video for video in videos if form(video) == name]
        if len(same) == 1:
            return same[0]
    raise ValueError(f"names the video {name!r}, which is not one of {', '.join(videos)}")
