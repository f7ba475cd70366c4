"""Ground truth and detected events of some recordings, as bars over time."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from dawnchorus.formats.event import Event, read_events
from dawnchorus.report.html import Html, details, element, joined, section, table
from dawnchorus.report.result_data import ResultData

SHOWN = 10  # recordings
_WIDTH, _LEFT, _LANE, _BAR, _FOOT = 640, 130, 30, 11, 22  # pixels of the picture


def event_bars(data: ResultData) -> Html:
    """Return the section: the recordings with most events, of each ensemble's last decoding."""
    made = []
    for shown in data.asked["detections"]:
        truth = read_events(shown["events"])
        found = read_events(shown["path"])
        classes = set(data.metrics["classes"])
        events = [event for event in truth if event.label in classes]
        counts = Counter(event.id for event in [*events, *found])
        chosen = sorted(counts, key=lambda name: (-counts[name], name))[:SHOWN]
        pictures = [
            _picture(name, [e for e in events if e.id == name], [e for e in found if e.id == name])
            for name in chosen
        ]
        title = f"{shown['ensemble']}, decoding {shown['decoding']}, on {shown['corpus']}"
        made += [
            element("h3", title),
            element(
                "p",
                f"{len(events)} annotated and {len(found)} detected events; the {len(chosen)} recordings "
                "with most of them. Filled: annotated. Outlined: detected.",
            ),
            *pictures,
            details("The same events as a table", table(
                f"Events, {title}", ("recording", "events of", "class", ">from (s)", ">to (s)"),
                [(e.id, what, e.label, f"{e.onset_s:.2f}", f"{e.offset_s:.2f}")
                 for name in chosen
                 for what, some in (("annotation", events), ("detection", found))
                 for e in some if e.id == name],
                True,
            )),
        ]  # fmt: skip
    return section("events", "Events", *made)


def _picture(name: str, truth: Sequence[Event], found: Sequence[Event]) -> Html:
    """Return lanes of classes; the annotated events of a class lie above the detected ones."""
    lanes: Mapping[str, list] = defaultdict(list)
    for row, events in enumerate((truth, found)):
        for event in events:
            lanes[event.label].append((row, event))
    end_s = max(event.offset_s for event in [*truth, *found])
    scale = (_WIDTH - _LEFT - 10) / end_s
    height = len(lanes) * _LANE + _FOOT
    drawn = []
    for number, label in enumerate(sorted(lanes)):
        top = number * _LANE + 4
        drawn.append(element("text", label, x=_LEFT - 8, y=top + 15, text_anchor="end"))
        for row, event in lanes[label]:
            what = "detected" if row else "annotated"
            title = f"{label}, {what}: {event.onset_s:.2f} to {event.offset_s:.2f} s"
            drawn.append(
                element(
                    "rect",
                    element("title", title),
                    x=f"{_LEFT + event.onset_s * scale:.1f}",
                    y=top + row * (_BAR + 1),
                    width=f"{max((event.offset_s - event.onset_s) * scale, 1.5):.1f}",
                    height=_BAR,
                    class_="found" if row else "truth",
                )
            )
    for share, anchor in ((0, "start"), (0.5, "middle"), (1, "end")):
        x, text = _LEFT + share * end_s * scale, f"{share * end_s:.1f} s"
        drawn.append(element("text", text, x=f"{x:.1f}", y=height - 6, text_anchor=anchor))
    n = f"{len(truth)} annotated and {len(found)} detected events"
    picture = element(
        "svg", *drawn, viewBox=f"0 0 {_WIDTH} {height}", role="img", class_="bars",
        **{"aria-label": f"{name}: {n}"},
    )  # fmt: skip
    return element(
        "figure", picture, element("figcaption", joined([element("strong", name), f": {n}"]))
    )
