from functools import wraps
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "house",
    deadline=None,
    derandomize=True,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("house")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Problems with known answers that live beside the project, where they are there."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no outside problems at {folder}")
    return folder


@pytest.fixture(scope="session")
def district(root: Path) -> Path:
    return root / "examples" / "district"


def _find_double_bookings(plan) -> list[str]:
    """Say who of a plan of pairs meets two people at once, or when not free: minute by minute."""
    slots, taken = plan.problem.slots, plan.solution.slots
    if slots is None or taken is None:
        return []
    found = []
    held: dict[object, set[int]] = {}
    tables = plan.scored.coached, plan.scored.coach
    for pair, own in zip(plan.solution.pairs.tolist(), taken.tolist(), strict=True):
        for slot in own:
            if slot < 0:
                continue
            minutes = set(range(int(slots.start[slot]), int(slots.start[slot]) + slots.minutes))
            for table, row in zip(tables, pair, strict=True):
                person = table.ids[row]
                free = {m for a, b in table.windows("free")[row] or () for m in range(a, b)}
                if "busy" in table:
                    free -= {m for a, b in table.windows("busy")[row] or () for m in range(a, b)}
                if not minutes <= free:
                    found.append(f"{person} is not free in slot {slot}")
                if minutes & held.setdefault(person, set()):
                    found.append(f"{person} is double-booked in slot {slot}")
                held[person] |= minutes
    return found


def _find_clashes(plan) -> list[str]:
    """Say who of a timetable has two weekly meetings at once, or is not free: minute by minute."""
    from pairmatch import Meetings
    from pairmatch.profiles.week import DAYS

    if not any(isinstance(rule, Meetings) for rule in plan.program.constraints):
        return []
    frame, found = plan.timetable(), []
    held: dict[str, set[int]] = {}
    tables = plan.scored.coached, plan.scored.coach
    for meeting in frame[(frame["kind"] == "meeting") & (frame["day"] != "")].to_dict("records"):
        clock = [int(part) for key in ("start", "end") for part in meeting[key].split(":")]
        first = 1440 * DAYS.index(meeting["day"]) + 60 * clock[0] + clock[1]
        length = 60 * (clock[2] - clock[0]) + clock[3] - clock[1]
        minutes = set(range(first, first + length))
        both = meeting.get("mentee"), meeting.get("mentor")
        for person in plan.group_ids[meeting["group"] - 1] if "group" in meeting else both:
            table = next(table for table in tables if person in table.ids)
            row = table.ids.index(person)
            free = {m for a, b in table.windows("free")[row] or () for m in range(a, b)}
            if not minutes <= free or not minutes:
                found.append(f"{person} is not free for {meeting}")
            if minutes & held.setdefault(person, set()):
                found.append(f"{person} is double-booked at {meeting}")
            held[person] |= minutes
    return found


@pytest.fixture(autouse=True, scope="session")
def nobody_is_double_booked():
    """Look at every plan with meetings that any test makes; no plan may have a double booking."""
    import pairmatch
    from pairmatch import verbs

    solved, grouped, rematch = verbs._solved, verbs._grouped, pairmatch.rematch

    def checked(*given, **options):
        plan = solved(*given, **options)
        if len(plan.solution.pairs) <= 5000:
            assert _find_double_bookings(plan) == []
        return plan

    def checked_groups(*given, **options):
        plan = grouped(*given, **options)
        assert _find_clashes(plan) == []
        return plan

    @wraps(rematch)
    def checked_again(*given, **options):
        after = rematch(*given, **options)
        assert _find_clashes(after.plan) == []
        return after

    verbs._solved, verbs._grouped, pairmatch.rematch = checked, checked_groups, checked_again
    yield
    verbs._solved, verbs._grouped, pairmatch.rematch = solved, grouped, rematch
