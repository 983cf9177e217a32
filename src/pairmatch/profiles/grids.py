"""Weekly time as forms ask for it: grids of columns, ticks, and what is *not* free.

Every form of it becomes one column of plain windows, so that all that follows reads one grammar.
"""

from __future__ import annotations

import re
import warnings

from pairmatch.errors import Fault, PairmatchWarning
from pairmatch.profiles.bells import Schedule
from pairmatch.profiles.columns import fold_header
from pairmatch.profiles.days import parse_days
from pairmatch.profiles.sheet import CellProblem, Sheet
from pairmatch.profiles.timecells import DAY_WORD, Asked, TimeCells
from pairmatch.profiles.week import format_windows

__all__ = ["unfold_times"]

_TIMES = ("free", "teaching", "busy")
_KINDS = (
    ("unavailable", r"un-?available|not[ _](?:available|free)|unable|can(?:'|\u2019)?t|cannot"),
    ("busy", r"busy"),
    ("teaching", r"teach(?:ing)?"),
    ("free", r"free|available|availability"),
)
_HEADER = re.compile(r"(?P<question>.*?)[\s:]*\[(?P<label>[^\[\]]+)\]\s*", re.DOTALL)
_PLAIN_HEADER = re.compile(
    r"(?P<question>(?:un|not[ _]?)?available|(?:un)?availability|free|teaching|busy)"
    r"(?:[ _](?:on|at|time|times))?(?:[\s_:-]+)(?P<label>.+)",
    re.IGNORECASE | re.DOTALL,
)
_DENIALS = ("unavailable", "not_available", "not_free", "unavailable_times", "unavailability")


def unfold_times(sheet: Sheet, schedule: Schedule | None) -> tuple[Sheet, list[Fault]]:
    """Return the sheet with every way to give weekly time turned into columns of windows.

    Parameters
    ----------
    sheet : Sheet
        As read. It is not changed.
    schedule : Schedule or None
        Periods, hours and slots; None if nobody said.

    Returns
    -------
    sheet : Sheet
        The columns of grids and a column ``unavailable`` replaced by ``free``, ``teaching`` or
        ``busy``; cells that cannot be read are among its problems. Cells of plain windows stay as
        written.
    faults : list of Fault
        What is wrong with the headers.
    """
    reader = TimeCells(sheet, schedule or Schedule())
    faults: list[Fault] = []
    asked = _find_asked(sheet, reader, faults)
    position = {fold_header(header): k for k, header in enumerate(sheet.headers)}
    denying = [position[name] for name in _DENIALS if name in position]
    denying = [k for k in denying if reader.makes_sense(k)]
    if not (asked or denying or schedule):
        return sheet, faults
    texts: dict[str, list[str]] = {}
    for name in _TIMES:
        if name in position:
            column = sheet.columns[position[name]]
            texts[name] = reader.rewrite(position[name]) if schedule else list(column)
    for kind in _TIMES:
        grid = [ask for ask in asked if ask.kind == kind]
        if grid and any(texts.get(kind, ())):
            faults.append(
                Fault(
                    f"the same is asked in '{_short(grid[0].header)}'.",
                    f"column {kind}",
                    "Keep one of them.",
                )
            )
        elif grid:
            ticked = reader.collect(grid)
            texts[kind] = ["" if own is None else format_windows(own) for own in ticked]
    grid = [ask for ask in asked if ask.kind == "unavailable"]
    denials = [(grid[0].header, reader.collect(grid), reader.cover(grid))] if grid else []
    denials += [(sheet.headers[k], reader.read_denials(k), None) for k in denying]
    for header, denied, domain in denials:
        base = reader.hours or domain
        free = texts.get("free", [""] * len(sheet.rows))
        if base is None and any(
            own is not None and not text for own, text in zip(denied, free, strict=True)
        ):
            faults.append(
                Fault(
                    "it says when people are not available.",
                    f"column {_short(header)}",
                    "Say when they may meet at all: Schedule(hours='Mon-Fri 07:30-16:30'), on the "
                    "command line --hours 'Mon-Fri 07:30-16:30'.",
                )
            )
        texts["free"] = reader.deny(free, denied, base or ())
    spent = {ask.column for ask in asked} | set(denying)
    return _rebuild(sheet, texts, asked, denying, spent, reader), faults


def _rebuild(
    sheet: Sheet,
    texts: dict[str, list[str]],
    asked: list[Asked],
    denying: list[int],
    spent: set[int],
    reader: TimeCells,
) -> Sheet:
    """Put the columns of windows in the place of what they were made from."""
    source = {fold_header(header): k for k, header in enumerate(sheet.headers)}
    home = {name: source[name] for name in texts if name in source}
    for ask in asked:
        home.setdefault("free" if ask.kind == "unavailable" else ask.kind, ask.column)
    for k in denying:
        home.setdefault("free", k)
    made = {home[name]: name for name in texts}
    keep = [k for k in range(len(sheet.headers)) if k in made or k not in spent]
    place = {k: j for j, k in enumerate(keep)}
    kind_of = {ask.column: "free" if ask.kind == "unavailable" else ask.kind for ask in asked}
    kind_of |= dict.fromkeys(denying, "free")
    problems = list(sheet.problems)
    problems += [
        CellProblem(
            p.row,
            home.get(kind_of.get(p.column, ""), p.column),
            f"'{_short(sheet.headers[p.column])}': {p.what}" if p.column in kind_of else p.what,
            p.remedy,
        )
        for p in reader.problems
    ]
    problems = [CellProblem(p.row, place.get(p.column, -1), p.what, p.remedy) for p in problems]
    if reader.doubts:
        _warn(
            f"{sheet.source}: {len(reader.doubts)} cells such as '{_short(reader.doubts[0])}' are "
            "read as times of the night. Write 15:30 or 3:30 pm for the afternoon, 03:30 for the "
            "night."
        )
    return Sheet(
        sheet.source,
        [made.get(k, sheet.headers[k]) for k in keep],
        [texts[made[k]] if k in made else sheet.columns[k] for k in keep],
        sheet.rows,
        problems,
    )


def _find_asked(sheet: Sheet, reader: TimeCells, faults: list[Fault]) -> list[Asked]:
    """Find the columns whose headers name a time, and say what is wrong with them."""
    found: list[Asked] = []
    strange: dict[str, list[tuple[str, str]]] = {}
    mute: list[str] = []
    for k, header in enumerate(sheet.headers):
        bracketed = _HEADER.fullmatch(header)
        match = bracketed or _PLAIN_HEADER.fullmatch(header)
        if match is None and re.search(DAY_WORD, header.replace("_", " "), re.IGNORECASE) is None:
            continue
        question = match["question"] if match else ""
        label = " ".join((match["label"] if match else header).replace("_", " ").split())
        sort = reader.sort_label(label)
        kinds = _find_kinds(question)
        if sort is None:
            if bracketed and kinds:
                strange.setdefault(question, []).append((header, label))
        elif sort == "times" and not bracketed:
            continue
        elif len(kinds) == 1:
            days = parse_days(label) if sort == "days" else ()
            found.append(Asked(k, header, kinds[0], label, sort, days))
        elif kinds:
            faults.append(
                Fault(
                    f"the header speaks of {' and of '.join(kinds)}.",
                    f"column {_short(header)}",
                    f"Rename it to 'free [{label}]' or 'teaching [{label}]'.",
                )
            )
        elif sort != "times":
            mute.append(header)
    questions = {sheet.headers[ask.column].split("[")[0] for ask in found}
    for question, entries in strange.items():
        if any(asked.startswith(question) for asked in questions):
            faults += [
                Fault(
                    f"'{label}' is no day and no time.",
                    f"column {_short(header)}",
                    "Rename it to a day such as [Monday] or a slot such as [Mon 8:00-9:00], or "
                    "remove the column.",
                )
                for header, label in entries
            ]
    if mute and not found and "free" not in map(fold_header, sheet.headers):
        shown = ", ".join(f"'{_short(header)}'" for header in mute[:3])
        more = ", ..." if len(mute) > 3 else ""
        _warn(
            f"{sheet.source}: the columns {shown}{more} look like times of the week, "
            "but nothing says whether people are free or teaching then, so they are not used. "
            "Write 'free [Monday]' in the header to use them."
        )
    return found


def _find_kinds(question: str) -> list[str]:
    """Return what the words of a question ask for."""
    kinds = []
    for kind, words in _KINDS:
        question, n = re.subn(rf"(?<![a-z])(?:{words})(?![a-z])", " ", question.lower())
        kinds += [kind] * (n > 0)
    return kinds


def _short(header: str) -> str:
    """Shorten a question."""
    plain = " ".join(header.split())
    return plain if len(plain) <= 60 else f"{plain[:30]} ... {plain[-24:]}"


def _warn(message: str) -> None:
    """Warn at the line that called `read_profiles`."""
    warnings.warn(message, PairmatchWarning, stacklevel=6)
