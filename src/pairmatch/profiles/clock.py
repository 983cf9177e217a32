"""Times of day as people write them: ``8:00``, ``2:30-3 pm``, ``noon``, ``24:00``."""

from __future__ import annotations

import re

from pairmatch.profiles.week import DAY_MINUTES

__all__ = ["parse_span", "parse_time"]

_HALF = r"(?:\s*[ap]\.?\s?m\b\.?|\s*[ap]\b)"
_TIME = rf"(?:12\s*)?(?:noon|midnight)|(?:\d{{3,4}}|\d{{1,2}}(?:[:.]\d{{2}}(?::00)?)?){_HALF}?"
_SPAN = re.compile(rf"(?P<start>{_TIME})\s*(?:-|to|until|till|through)\s*(?P<end>{_TIME})")
_ONE = re.compile(_TIME)
_CLOCK = re.compile(
    r"(?P<hour>\d{1,2}?)(?:[:.]?(?P<minute>\d{2}))?(?::00)?(?!\d)\s*(?P<half>[ap]?)"
)


def parse_span(text: str, piece: str) -> tuple[int, int] | None:
    """Read a start and an end; None if these are not two times.

    Parameters
    ----------
    text : str
        ``7:30-8:15``, ``2:30-3 pm``, ``noon to 1``; dashes are plain.
    piece : str
        What to quote in an error.

    Returns
    -------
    tuple of int or None
        Minutes of the day, start < end <= 1440.

    Raises
    ------
    ValueError
        If one of them is no time of day, or the end is not after the start.
    """
    times = _SPAN.fullmatch(text.lower().strip())
    if times is None:
        return None
    return _read_span(times["start"].strip(), times["end"].strip(), piece)


def parse_time(text: str) -> int | None:
    """Read one time of day; None if it is not one.

    Raises
    ------
    ValueError
        If it is out of range, or a bare hour from 1 to 5, which may be night or afternoon.

    Examples
    --------
    >>> parse_time("8AM"), parse_time("noon"), parse_time("14.30")
    (480, 720, 870)
    """
    time = text.lower().strip()
    if _ONE.fullmatch(time) is None:
        return None
    if _half(time) == "" and re.match(r"[1-5](?!\d)", time):
        hour = int(time[0])
        raise ValueError(
            f"'{text.strip()}' may be night or afternoon; write {hour + 12}:00 or {hour} pm"
        )
    return _minute_of(time, _half(time))


def _read_span(start: str, end: str, piece: str) -> tuple[int, int]:
    """Read both ends; ``am`` or ``pm`` on one side is taken for the other where it fits."""
    if _half(start) == _half(end) == "":
        opening, closing = _minute_of(start, ""), _minute_of(end, "")
    elif _half(start) and _half(end):
        opening, closing = _minute_of(start, _half(start)), _minute_of(end, _half(end))
    elif _half(end):  # "2:30-3 pm", and "11-1 pm", whose start can only be before noon
        closing = _minute_of(end, _half(end))
        if closing == 0 and _half(end) == "a":
            raise ValueError(
                f"'{piece}' can be read in two ways; write noon, or 24:00 for midnight"
            )
        closing = closing or DAY_MINUTES
        opening = _minute_of(start, _half(end))
        if opening >= closing:
            opening = _minute_of(start, "a")
    else:
        opening = _minute_of(start, _half(start))
        closing = _minute_of(end, _half(start))
        if closing <= opening:
            closing = _minute_of(end, "p")
    if opening == DAY_MINUTES:
        raise ValueError(f"'{start}' is the end of a day; a window cannot start there")
    if closing == 0 and (_half(end) == "a" or "midnight" in end):
        closing = DAY_MINUTES
    if opening == closing:
        raise ValueError(f"'{piece}' starts and ends at the same time; expected a later end")
    if opening > closing:
        late = closing + DAY_MINUTES // 2
        noon = f"; write {late // 60}:{late % 60:02d} if the afternoon is meant"
        raise ValueError(
            f"'{piece}' ends before it starts; expected a later end, at most 24:00 "
            "(write a window over midnight as two)"
            + (
                noon
                if late > opening and closing < 420 and end[0] != "0" and not _half(end)
                else ""
            )
        )
    return opening, closing


def _half(time: str) -> str:
    """Return ``a`` or ``p`` for am or pm, ``x`` for noon and midnight, else nothing."""
    if time.endswith(("noon", "midnight")):
        return "x"
    return next((letter for letter in "ap" if letter in time), "")


def _minute_of(time: str, half: str) -> int:
    """Return the minute of the day; `half` says which half of it, if that is known."""
    if time.endswith("noon"):
        return 12 * 60
    if time.endswith("midnight"):
        return 0
    match = _CLOCK.match(time)
    assert match is not None  # noqa: S101 - the patterns let nothing else through
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    if match["half"] and not 1 <= hour <= 12:
        raise ValueError(f"'{time}' is no time of day; expected 1:00 to 12:59 before am or pm")
    if minute > 59 or hour * 60 + minute > DAY_MINUTES:
        raise ValueError(f"'{time}' is no time of day; expected 00:00 to 24:00")
    if half in {"a", "p"} and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    return hour * 60 + minute
