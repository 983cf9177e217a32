"""Plans as frames: who is with whom, and how full everybody is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.constraints import Meetings, find_rule
from pairmatch.plans.group_timetable import meeting_rows
from pairmatch.plans.order import natural_key
from pairmatch.plans.seats import seat_members
from pairmatch.plans.timetable import meeting_of_pairs

if TYPE_CHECKING:
    import pandas as pd

    from pairmatch.plans.group_plan import GroupPlan
    from pairmatch.plans.pair_plan import PairPlan

__all__ = [
    "tabulate_loads",
    "tabulate_members",
    "tabulate_pairs",
    "tabulate_partly_served",
    "tabulate_rotations",
]


def tabulate_pairs(plan: PairPlan) -> pd.DataFrame:
    """Return one row a pair, with its time where each has one, in the natural order of mentees."""
    import pandas as pd

    times = meeting_of_pairs(plan)
    rows = [
        (
            plan.scored.coached.ids[i], plan.scored.coach.ids[j], plan.in_scores(u),
            *(() if times is None else times[i, j]),
        )
        for (i, j), u in zip(plan.solution.pairs.tolist(), plan.units.tolist(), strict=True)
    ]  # fmt: skip
    rows.sort(key=lambda row: (natural_key(row[0]), natural_key(row[1])))
    columns = ["mentee", "mentor", "score"] + ([] if times is None else ["day", "start", "end"])
    return pd.DataFrame(rows, columns=columns)


def tabulate_loads(plan: PairPlan) -> pd.DataFrame:
    """Return one row a mentor: how many mentees for how many places."""
    import pandas as pd

    ids = plan.scored.coach.ids
    load = np.bincount(plan.solution.pairs[:, 1], minlength=len(ids))
    frame = pd.DataFrame({"mentor": ids, "load": load, "places": plan.problem.capacity})
    order = sorted(range(len(frame)), key=lambda j: natural_key(ids[j]))
    return frame.iloc[order].reset_index(drop=True)


def tabulate_partly_served(plan: PairPlan) -> pd.DataFrame:
    """Return one row a mentee with some of the mentors wanted, but not all."""
    import pandas as pd

    ids, wanted = plan.scored.coached.ids, plan.problem.demand
    count = np.bincount(plan.solution.pairs[:, 0], minlength=plan.problem.n_rows)
    short = np.flatnonzero((count > 0) & (count < wanted))
    rows = [(ids[i], int(count[i]), int(wanted[i])) for i in short]
    rows.sort(key=lambda row: natural_key(row[0]))
    return pd.DataFrame(rows, columns=["mentee", "mentors", "wanted"])


def tabulate_members(plan: GroupPlan) -> pd.DataFrame:
    """Return one row a person, with the time of the group where all have one meeting."""
    import pandas as pd

    times = meeting_rows(plan)
    meets = find_rule(plan.program.constraints, Meetings) is not None
    single = meets and all(len(own) <= 1 for own in times)
    rows = [
        (number, key, role, *(times[number - 1] or [("",) * 3])[0])
        for number, (keys, members) in enumerate(zip(plan.group_ids, plan.groups, strict=True), 1)
        for key, role in zip(keys, seat_members(plan, members), strict=True)
    ]
    frame = pd.DataFrame(rows, columns=["group", "id", "role", "day", "start", "end"])
    return frame if single else frame[["group", "id", "role"]]


def tabulate_rotations(plan: GroupPlan) -> pd.DataFrame:
    """Return one row a rotation: the coach, the peers and the mean score for these."""
    import pandas as pd

    ids = plan.scored.coached.ids
    rows = []
    listed = zip(plan.groups, plan.rotation_values, strict=True)
    for number, (members, values) in enumerate(listed, 1):
        for round_, (coach, value) in enumerate(zip(members, values, strict=True), 1):
            peers = "; ".join(str(ids[row]) for row in members if row != coach)
            rows.append((number, round_, ids[coach], peers, float(value)))
    return pd.DataFrame(rows, columns=["group", "round", "coach", "peers", "score"])
