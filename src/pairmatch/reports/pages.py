"""The week as a page to print: one grid for the plan, one for each person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pairmatch.errors import PairmatchError
from pairmatch.reports.entries import clean_line, list_entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from pairmatch.reports.entries import Entry

__all__ = ["make_page"]

_LONG = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
:root { color-scheme: light; }
body { font: 14px/1.4 system-ui, "Segoe UI", "Noto Sans", Arial, sans-serif; color: #1b1f24;
  background: #fff; margin: 0 auto; max-width: 62rem; padding: 1.5rem; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .6rem; }
p.note { color: #57606a; margin: .2rem 0 .8rem; }
nav { columns: 10rem; margin: 0 0 1rem; }
nav a { color: #0a4fa3; display: block; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
th, td { border: 1px solid #b8c0c8; padding: .35rem .5rem; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; }
thead th { background: #eef1f4; }
th.time { width: 6.5rem; font-variant-numeric: tabular-nums; font-weight: 600; }
td ul { list-style: none; margin: 0; padding: 0; }
td li + li { border-top: 1px dotted #b8c0c8; margin-top: .25rem; padding-top: .25rem; }
td.held { background: #eaf3ff; }
small { color: #57606a; display: block; }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  section.person { break-before: page; }
  tr { break-inside: avoid; }
  thead th, td.held { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  @page { size: landscape; margin: 12mm; }
}
</style>
</head>
<body>
{%- macro grid(week) %}
{%- if week.rows %}
<table>
<thead><tr><th class="time" scope="col">Time</th>
{%- for day in week.days %}<th scope="col">{{ day }}</th>{% endfor %}</tr></thead>
<tbody>
{%- for row in week.rows %}
<tr><th class="time" scope="row">{{ row.clock }}</th>
{%- for cell in row.cells %}<td{% if cell %} class="held"{% endif %}>
{%- if cell %}<ul>{% for entry in cell %}<li>{{ entry.title }}
{%- if entry.detail %}<small>{{ entry.detail }}</small>{% endif %}</li>{% endfor %}</ul>{% endif -%}
</td>{% endfor %}</tr>
{%- endfor %}
</tbody>
</table>
{%- endif %}
{%- if week.once %}
<p class="note">Once in the term:</p>
<table>
<thead><tr><th class="time" scope="col">Week</th><th scope="col">Day</th><th scope="col">Time</th>
<th scope="col">What</th></tr></thead>
<tbody>
{%- for entry in week.once %}
<tr><th class="time" scope="row">{{ entry.week }}</th><td>{{ days[entry.day] }}</td>
<td>{{ entry.clock }}</td><td>{{ entry.title }}</td></tr>
{%- endfor %}
</tbody>
</table>
{%- endif %}
{%- if week.later %}
<p class="note">To be agreed, since somebody's free time is unknown:</p>
<ul>{% for entry in week.later %}<li>{{ entry.title }}</li>{% endfor %}</ul>
{%- endif %}
{%- if not week.rows and not week.once and not week.later %}
<p class="note">No meetings.</p>
{%- endif %}
{%- endmacro %}
<h1>{{ title }}</h1>
<nav aria-label="People">
{%- for person in people %}<a href="#p{{ loop.index }}">{{ person.name }}</a>{% endfor %}
</nav>
<section>
<h2>All meetings</h2>
{{- grid(whole) }}
</section>
{%- for person in people %}
<section class="person" id="p{{ loop.index }}">
<h2>{{ person.name }}</h2>
{{- grid(person.week) }}
</section>
{%- endfor %}
</body>
</html>
"""


def make_page(
    timetable: pd.DataFrame,
    *,
    title: str = "Coaching",
    names: Mapping[Any, str] | None = None,
    ids: Iterable[Any] = (),
) -> str:
    """Return the timetable as one HTML page: the week of the plan, then that of each person.

    Parameters
    ----------
    timetable : DataFrame
        As ``plan.timetable()`` returns it.
    title : str, optional
        Heading of the page.
    names : mapping, optional
        Id to the name that is shown; ids by default.
    ids : iterable, optional
        Everybody's id; needed where ids hold a semicolon.

    Returns
    -------
    str
        A page that needs nothing else: no scripts, no other files. Everything that came from a
        table is escaped. Printed, each person has a sheet of their own.

    Raises
    ------
    ProgramError
        If the timetable cannot be used.
    PairmatchError
        If jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError:
        raise PairmatchError(
            "pages need jinja2. Install it: pip install 'pairmatch-mentoring[report]'."
        ) from None
    entries = list_entries(timetable, names, ids)
    shown = {str(key): clean_line(name) for key, name in (names or {}).items()}
    of_person: dict[str, list[Entry]] = {}
    for entry in entries:
        for person in entry.people:
            of_person.setdefault(person, []).append(entry)
    template = jinja2.Environment(autoescape=True).from_string(_PAGE)
    people = [
        {"name": shown.get(person) or clean_line(person), "week": _arrange(own)}
        for person, own in sorted(of_person.items())
    ]
    text: str = template.render(
        title=clean_line(title), whole=_arrange(entries), people=people, days=_LONG
    )
    return text + "\n"


def _arrange(entries: Sequence[Entry]) -> dict[str, Any]:
    """Put entries into the cells of a grid: rows are times, columns are days."""
    weekly = [entry for entry in entries if entry.week is None and entry.day >= 0]
    last = max([4, *(entry.day for entry in weekly)])
    times = sorted({(entry.start, entry.end, entry.clock) for entry in weekly})
    rows = [
        {
            "clock": clock,
            "cells": [
                [e for e in weekly if (e.start, e.end, e.day) == (start, end, day)]
                for day in range(last + 1)
            ],
        }
        for start, end, clock in times
    ]
    once = [entry for entry in entries if entry.week is not None and entry.day >= 0]
    once.sort(key=lambda entry: (entry.week or 0, entry.day, entry.start, entry.people))
    later = [entry for entry in entries if entry.day < 0]
    days = [_LONG[day] for day in range(last + 1)]
    return {"days": days, "rows": rows, "once": once, "later": later}
