"""What leaves the computer: calendars and pages of a plan's timetable."""

from pairmatch.reports.calendars import make_calendars
from pairmatch.reports.pages import make_page
from pairmatch.reports.terms import Term, make_term

__all__ = ["Term", "make_calendars", "make_page", "make_term"]
