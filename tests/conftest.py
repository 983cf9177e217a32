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


@pytest.fixture(autouse=True, scope="session")
def nobody_is_double_booked():
    """Look at every plan with meetings that any test makes; no plan may have a double booking."""
    from pairmatch import verbs

    solved = verbs._solved

    def checked(*given, **options):
        plan = solved(*given, **options)
        if len(plan.solution.pairs) <= 5000:
            assert _find_double_bookings(plan) == []
        return plan

    verbs._solved = checked
    yield
    verbs._solved = solved
