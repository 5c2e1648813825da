"""The parts of the page of explanations: a card a picture, a card a class, the row of means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mien.core.types import RGB
from mien.report.cards import count
from mien.report.charts import portion, safe, score, source_name
from mien.report.explain_colours import colour_bar, enlarged, overlay, scale_ends
from mien.report.explain_figures import said_of, theta_words
from mien.report.explain_values import (
    REGIONS,
    WAYS,
    Explained,
    ExplainedClass,
    ExplainedFace,
    ExplainedSource,
    View,
    captions,
    flat_shares,
    limit_of,
    mass,
    seen_by,
    strongest,
)
from mien.report.thumbs import data_uri, jpeg, scene

MAP_PX, SMALL_PX, SCENE_PX = 288, 144, 640
EXAMPLES = 8
QUALITY = 88


def source_card(source: ExplainedSource, framing: str, *, most: int) -> str:
    """A picture and the first `most` of its faces."""
    several = len(source.faces) > 1
    context = _context(source, several)
    faces = "".join(_face(face, framing, "" if several or place else context) for place, face in enumerate(source.faces[:most]))
    more = f'<p class="note">And {count(len(source.faces) - most, "more face")}.</p>' if len(source.faces) > most else ""
    return (
        f'<article class="card"><header><h3>{source_name(source.info.source)}</h3><p>{count(len(source.faces), "face")}</p></header>'
        f"{context if several else ''}{faces}{more}</article>\n"
    )


def averages(classes: Sequence[ExplainedClass], framing: str) -> str:
    """The mean face of each class, a row of mean maps for each method, all on one scale, and a row of mean views for each transformer."""
    shown = [one for one in classes if one.maps]
    if not shown:
        return ""
    faces = "".join(
        _figure(enlarged(one.maps[0].image, MAP_PX), f"mean face of {one.label}", f"<b>{safe(one.label)}</b>{_drawn(one)}") for one in shown
    )
    rows = "".join(_average_row([one.maps[place] for one in shown], framing) for place in range(len(shown[0].maps)))
    rows += "".join(_view_row(place, [(one.label, one.views[place]) for one in shown]) for place in range(len(shown[0].views)))
    note = '<p class="note">Each map is the mean over the faces of its class, each divided by its own largest value.</p>'
    return (
        f'<section><h2>The mean of each class</h2><div class="card"><h3>Mean face</h3><div class="averages">{faces}</div>'
        f"{rows}{note}</div></section>\n"
    )


def class_card(one: ExplainedClass) -> str:
    """Some faces of a class, each with its maps and views under it."""
    shown = one.examples[:EXAMPLES]
    figures = "".join(
        f"<figure>{_image(enlarged(face.maps[0].image, SMALL_PX), face.name)}{_maps_alone(face)}{_views_alone(face)}"
        f"<figcaption><b>{safe(face.name)}</b> {score(face.maps[0].score)}</figcaption></figure>"
        for face in shown
    )
    order = ", ".join([*(WAYS[each.method].title for each in one.maps), *(f"view {n}" for n in range(1, len(one.views) + 1))])
    return (
        f'<article class="card"><header><h3>{safe(one.label)}</h3><p>{len(shown)} of {count(len(one.rows), "face")} drawn, of '
        f"{one.available:,} in the split</p></header>"
        f'<div class="examples">{figures}</div>'
        f'<p class="note">From the top: the face, {safe(order)}. Each map has its own scale.</p></article>\n'
    )


def _face(face: ExplainedFace, framing: str, context: str) -> str:
    crop = _figure(enlarged_or_whole(face.picture), f"{face.name}, the face", "<b>the face</b>as it was cut")
    maps = "".join(_map(one, face.name) for one in face.maps)
    views = "".join(_view(one, place, face.name) for place, one in enumerate(face.views))
    return (
        f'<div class="explained"><h4>{safe(face.name)}: {safe(said_of(face))}</h4>'
        f'<div class="maps">{context}{crop}{maps}{views}</div>{_places(face.maps, framing)}</div>'
    )


def _map(one: Explained, name: str) -> str:
    way, limit = WAYS[one.method], limit_of([one.heat])
    picture = overlay(one.image, one.heat, limit, MAP_PX)
    words = f"<b>{safe(way.title)}</b>{'<br>'.join(map(safe, captions(one)))}"
    return _figure(picture, f"{name}, {way.title} for {one.label}", words, _ramp(limit, way.signed, way.unit))


def _view(one: View, place: int, name: str) -> str:
    return _figure(enlarged(one.image, MAP_PX), f"{name}, view {place + 1}", f"<b>{seen_by(place)}</b>{_theta(one)}")


def _view_row(place: int, views: Sequence[tuple[str, View]]) -> str:
    """The mean views of one transformer, a label each."""
    figures = "".join(
        _figure(enlarged(one.image, MAP_PX), f"mean view {place + 1} for {label}", f"<b>{safe(label)}</b>{_theta(one)}")
        for label, one in views
    )
    return f'<h3>{seen_by(place)} <small>mean view, mean θ</small></h3><div class="averages">{figures}</div>'


def _theta(one: View) -> str:
    return f'<code class="theta">{safe(theta_words(one.theta))}</code>'


def _figure(picture: RGB, alt: str, words: str, ramp: str = "") -> str:
    return f"<figure>{_image(picture, alt)}{ramp}<figcaption>{words}</figcaption></figure>"


def _context(source: ExplainedSource, several: bool) -> str:
    """The whole picture: beside its one face, or over its faces, which are numbered in it."""
    if source.image is None:
        return ""
    found = [replace(face.result, track_id=n) for n, face in enumerate(source.faces, start=1) if face.result is not None]
    drawn = scene(source.image, found, SCENE_PX, words=several)
    size = f"{source.image.shape[1]:,} × {source.image.shape[0]:,} px"
    if several:
        shape = f'width="{drawn.shape[1]}" height="{drawn.shape[0]}"'
        return f'<img class="scene" {shape} alt="{safe(source.info.source)}, {size}" src="{data_uri(jpeg(drawn, QUALITY))}">'
    return f'<figure class="context">{_image(drawn, source.info.source)}<figcaption><b>the picture</b>{size}</figcaption></figure>'


def _ramp(limit: float, signed: bool, unit: str) -> str:
    """The colours of a map, with what stands at their ends."""
    low, high = scale_ends(limit, signed)
    bar = f'<img class="ramp" alt="" src="{data_uri(jpeg(colour_bar(signed), QUALITY))}">'
    return f'{bar}<div class="ends"><span>{low}</span><span>{high}</span><span>{safe(unit)}</span></div>'


def _places(maps: Sequence[Explained], framing: str) -> str:
    """The share of what speaks for the label in each region of the face, a column a method."""
    side = len(maps[0].heat)
    found, flat = [mass(one.heat, framing) for one in maps], flat_shares(side, framing)
    most = [strongest(one, side, framing) for one in found]
    heads = "".join(f'<th scope="col">{safe(WAYS[one.method].title)}</th>' for one in maps)
    rows = ""
    for region in REGIONS:
        cells = "".join(
            f"<td{' class=most' if region == top else ''}>{'–' if one.regions is None else portion(one.regions[region])}</td>"
            for one, top in zip(found, most, strict=True)
        )
        rows += f'<tr><th scope="row">{region}</th>{cells}<td>{portion(flat[region])}</td></tr>'
    heads = f'<th scope="col">Where the orange lies</th>{heads}<th scope="col">share of the area</th>'
    return f'<div class="wide"><table class="places"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'


def _average_row(maps: Sequence[Explained], framing: str) -> str:
    way, limit, side = WAYS[maps[0].method], limit_of([one.heat for one in maps]), len(maps[0].heat)
    figures = "".join(
        _figure(
            overlay(one.image, one.heat, limit, MAP_PX),
            f"{way.title}, mean for {one.label}",
            f"<b>{safe(one.label)}</b>most for its area: {strongest(mass(one.heat, framing), side, framing)}",
        )
        for one in maps
    )
    ramp = f'<div class="common">{_ramp(limit, way.signed, "share of each face’s largest value")}</div>'
    return f'<h3>{safe(way.title)} <small>{safe(way.unit)}</small></h3><div class="averages">{figures}</div>{ramp}'


def _drawn(one: ExplainedClass) -> str:
    return f"n = {one.maps[0].n:,} of {one.available:,}"


def _maps_alone(face: ExplainedFace) -> str:
    return "".join(
        _image(overlay(one.image, one.heat, limit_of([one.heat]), SMALL_PX), f"{face.name}, {WAYS[one.method].title}") for one in face.maps
    )


def _views_alone(face: ExplainedFace) -> str:
    return "".join(_image(enlarged(one.image, SMALL_PX), f"{face.name}, view {place}") for place, one in enumerate(face.views, start=1))


def enlarged_or_whole(picture: RGB) -> RGB:
    """A crop as the page shows it: square ones at the size of the maps, others as they are."""
    return enlarged(picture, MAP_PX) if picture.shape[0] == picture.shape[1] else picture


def _image(picture: RGB, alt: str) -> str:
    return f'<img alt="{safe(alt)}" loading="lazy" decoding="async" src="{data_uri(jpeg(picture, QUALITY))}">'
