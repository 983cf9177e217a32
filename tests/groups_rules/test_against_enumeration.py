"""Every objective, rule and shape against plain enumeration, and bounds of random pools."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from functools import cache
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.solvers.certify import groups as certify_groups
from pairmatch.solvers.certify import placing
from pairmatch.solvers.groups import solver
from pairmatch.solvers.groups.lowest import solver as worst_group

SLOTS = ("Mon 08:00-08:45", "Tue 08:00-08:45", "Wed 08:00-08:45", "Thu 08:00-08:45")
SKILLS = ("asking", "planning", "pace", "feedback")
SEATS = {"mentor": 1, "mentee": 2}


def make_pool(n, rng):
    """A table with something for every rule, and directed scores of thousandths."""

    def some(entries, least=1):
        count = int(rng.integers(least, len(entries)))
        return "; ".join(rng.choice(entries, count, replace=False).tolist())

    table = pd.DataFrame(
        {
            "id": [f"p{k:02}" for k in range(n)],
            "at": [float(k) for k in range(n)],
            "role": rng.choice(["mentor", "mentee", "both"], n, p=[0.3, 0.5, 0.2]),
            "commitment": rng.choice(["low", "high"], n, p=[0.3, 0.7]),
            "gender": rng.choice(["woman", "man"], n),
            "school": rng.choice(["North", "South", "East", "West"], n),
            "subjects": [some(["art", "maths", "music", "sport"]) for _ in range(n)],
            "strengths": [some(SKILLS, 2) for _ in range(n)],
            "goals": [some(SKILLS, 1) for _ in range(n)],
            "years": [float(x) for x in rng.integers(0, 21, n)],
            "free": [some(SLOTS, 2) for _ in range(n)],
        }
    )
    if n > 2:
        table.loc[int(rng.integers(n)), "years"] = np.nan
    scores = rng.integers(0, 1001, (n, n))
    return table, scores


def entries(cell):
    return {entry.strip() for entry in str(cell).split(";")}


def years_of(group):
    return [member["years"] for member in group if member["years"] == member["years"]]


def most_alike(group):
    return max(Counter(entry for m in group for entry in entries(m["subjects"])).values())


def gives_and_receives(group):
    def covers(a, b):
        return bool(entries(a["strengths"]) & entries(b["goals"]))

    return all(
        any(covers(a, b) for b in group if b is not a)
        and any(covers(b, a) for b in group if b is not a)
        for a in group
    )


def near_the_mean(group, everybody):
    known, pool = years_of(group), years_of(everybody)
    mean = Fraction(sum(map(int, pool)), len(pool)) if pool else 0
    return not known or abs(Fraction(sum(map(int, known)), len(known)) - mean) <= 4


def all_or_none(group, *ids):
    return sum(member["id"] in ids for member in group) in (0, len(ids))


def not_both(group, first, second):
    return not {first, second} <= {member["id"] for member in group}


# name: the rule, and the same in plain words about the members of a group
RULES = {
    "free": (None, lambda group, everybody: True),
    "compose": (
        lambda: pm.Compose("commitment", "high", at_least=1),
        lambda group, everybody: any(m["commitment"] == "high" for m in group),
    ),
    "compose_most": (
        lambda: pm.Compose("commitment", "low", at_most=1),
        lambda group, everybody: sum(m["commitment"] == "low" for m in group) <= 1,
    ),
    "alike": (
        lambda: pm.Alike("subjects", at_most=2),
        lambda group, everybody: most_alike(group) <= 2,
    ),
    "different": (
        lambda: pm.Different("school"),
        lambda group, everybody: len({m["school"] for m in group}) == len(group),
    ),
    "spread": (
        lambda: pm.Spread("years", at_most=12),
        lambda group, everybody: np.ptp(years_of(group) or [0]) <= 12,
    ),
    "balance": (lambda: pm.Balance("years", within=4), near_the_mean),
    "not_alone": (
        lambda: pm.NotAlone("gender", "woman"),
        lambda group, everybody: sum(m["gender"] == "woman" for m in group) != 1,
    ),
    "give_and_receive": (
        pm.GiveAndReceive,
        lambda group, everybody: gives_and_receives(group),
    ),
    "pin": (
        lambda: pm.Pin("p00", "p01"),
        lambda group, everybody: all_or_none(group, "p00", "p01"),
    ),
    "forbid": (
        lambda: pm.Forbid("p00", "p02"),
        lambda group, everybody: not_both(group, "p00", "p02"),
    ),
    "slot": (
        lambda: pm.Meetings(minutes=45),
        lambda group, everybody: bool(set.intersection(*(entries(m["free"]) for m in group))),
    ),
    "history": (
        lambda: pm.NotAgain(pm.History(pairs=[(1, "p01", "p02"), (1, "p03", "p00")])),
        lambda group, everybody: not_both(group, "p01", "p02") and not_both(group, "p03", "p00"),
    ),
}

# name: what the program says, and the smallest and the largest size that this allows
SHAPES = {
    "pairs": ({"size": 2}, (2, 3)),
    "pairs_only": ({"size": 2, "leftovers": "leave_out"}, (2, 2)),
    "triads": ({"size": 3}, (3, 5)),
    "triads_shrink": ({"size": 3, "leftovers": "shrink"}, (2, 3)),
    "triads_spread": ({"size": 3, "leftovers": "spread"}, (2, 5)),
    "triads_only": ({"size": 3, "leftovers": "leave_out"}, (3, 3)),
    "fours": ({"size": 4}, (4, 7)),
    "range": ({"size": (3, 5)}, (3, 5)),
    "seats": ({"roles": SEATS}, (3, 3)),
}
OBJECTIVES = ("total", "worst_rotation", "worst_group")


def seated(group):
    """Whether one member can be the mentor and two the mentees."""
    may = [{"mentor", "mentee"} if m["role"] == "both" else {m["role"]} for m in group]
    return any(
        all(("mentor" if k == first else "mentee") in roles for k, roles in enumerate(may))
        for first in range(len(may))
    )


class Enumeration:
    """All groups of a pool that keep a rule, and the best of all ways to form them."""

    def __init__(self, table, scores, holds, limits, seats, objective):
        self.rows = table.to_dict("records")
        self.scores, self.objective, self.n = scores, objective, len(self.rows)
        self.legal = {}
        for size in range(limits[0], min(limits[1], self.n) + 1):
            for members in combinations(range(self.n), size):
                group = [self.rows[k] for k in members]
                if holds(group, self.rows) and (not seats or seated(group)):
                    self.legal[members] = self.value(members)
        self.by_first = {k: [g for g in self.legal if g[0] == k] for k in range(self.n)}

    def value(self, members):
        given = [sum(int(self.scores[b, a]) for b in members if b != a) for a in members]
        rotations = [Fraction(1000 * total, len(members) - 1) for total in given]
        if self.objective == "worst_rotation":
            return min(rotations)
        return sum(rotations) / len(members)

    def most_placed(self):
        @cache
        def most(left):
            if not left:
                return 0
            best = most(left[1:])
            for group in self.by_first[left[0]]:
                if set(group) <= set(left):
                    rest = tuple(k for k in left if k not in group)
                    best = max(best, len(group) + most(rest))
            return best

        return most(tuple(range(self.n)))

    def best(self, sizes, floor=None, *, lowest=False):
        """The largest total of groups of these sizes, or the highest lowest value."""

        @cache
        def search(left, to_form):
            if not to_form:
                return Fraction(10**9) if lowest else Fraction(0)
            if len(left) < sum(to_form):
                return None
            found = search(left[1:], to_form) if len(left) > sum(to_form) else None
            for group in self.by_first[left[0]]:
                value = self.legal[group]
                if len(group) not in to_form or (floor is not None and value < floor):
                    continue
                if not set(group) <= set(left):
                    continue
                later = list(to_form)
                later.remove(len(group))
                rest = tuple(k for k in left if k not in group)
                more = search(rest, tuple(later))
                if more is not None:
                    here = min(value, more) if lowest else len(group) * value + more
                    found = here if found is None else max(found, here)
            return found

        return search(tuple(range(self.n)), tuple(sizes))


def solve_and_compare(n, rng, rule, shape, objective, *, proved):
    """Form groups under one rule and compare everything that is claimed with enumeration.

    With ``proved``, the plan has to be best and to say so.
    """
    table, scores = make_pool(n, rng)
    make, holds = RULES[rule]
    said, limits = SHAPES[shape]

    def judge(coached, coach):
        return scores[np.ix_(coached["at"].astype(int), coach["at"].astype(int))] / 1000

    program = pm.Program(
        criteria=[pm.Custom(judge)],
        constraints=[] if make is None else [make()],
        objective=objective,
        **said,
    )
    every = Enumeration(table, scores, holds, limits, shape == "seats", objective)
    if rule == "pin" and not any({0, 1} <= set(group) for group in every.legal):
        with pytest.raises(pm.InfeasibleError, match="no group can hold both"):
            pm.form_groups(table, program)
        return
    plan = pm.form_groups(table, program)
    certificate = pm.verify(plan)
    groups = [tuple(sorted(int(key[1:]) for key in keys)) for keys in plan.group_ids]
    assert all(group in every.legal for group in groups)
    total = sum(len(group) * every.legal[group] for group in groups)
    assert Fraction(certificate.objective, certificate.scale) == total
    most = every.most_placed()
    assert plan.matched <= most <= certificate.matched_bound
    sizes = sorted(map(len, groups))
    assert not proved or (plan.gap == 0.0 and plan.matched == most)
    if not sizes:
        return
    assert plan.bound is not None
    floor = None
    if objective == "worst_group":
        floor = min(every.legal[group] for group in groups)
        highest = every.best(sizes, lowest=True)
        assert certificate.lowest == floor <= highest <= certificate.lowest_bound
    best = every.best(sizes, floor)
    assert Fraction(certificate.bound, certificate.scale) >= best >= total
    if plan.gap == 0.0:
        assert plan.matched == most
        assert total == best
        assert floor is None or floor == highest


CASES = [(o, r, s) for o in OBJECTIVES for r in RULES for s in SHAPES]


@pytest.mark.parametrize(
    ("objective", "rule", "shape"),
    [case for k, case in enumerate(CASES) if k % 7 == 0 or case[1] == "free"],
)
def test_small_pools_are_best_under_every_objective_rule_and_shape(objective, rule, shape):
    number = CASES.index((objective, rule, shape))
    rng = np.random.default_rng(number)
    solve_and_compare(6 + number % 4, rng, rule, shape, objective, proved=True)


@pytest.mark.slow
@pytest.mark.parametrize(("objective", "rule", "shape"), CASES)
def test_pools_of_up_to_twelve_are_best_under_every_objective_rule_and_shape(
    objective, rule, shape
):
    number = CASES.index((objective, rule, shape))
    for n in (7, 10, 12):
        rng = np.random.default_rng([number, n])
        solve_and_compare(n, rng, rule, shape, objective, proved=True)


@pytest.fixture
def no_enumeration(monkeypatch):
    """Small pools are searched and bounded by prices, as large ones are."""
    monkeypatch.setattr(solver, "N_SMALL", 0)
    for name in ("N_SMALL", "N_SMALL_PARTIAL"):
        monkeypatch.setattr(worst_group, name, 0)
    monkeypatch.setattr(certify_groups, "_N_ALL_PLACED", 0)
    for module in (certify_groups, placing):
        monkeypatch.setattr(module, "N_SOME_OUT", 0)


def compare_random(seed):
    rng = np.random.default_rng([9, seed])
    names = (OBJECTIVES, RULES, SHAPES)
    objective, rule, shape = (str(rng.choice(list(some))) for some in names)
    n = int(rng.integers(6, 13))
    solve_and_compare(n, rng, rule, shape, objective, proved=False)


@pytest.mark.parametrize("seed", [*range(12), 201])
def test_bound_of_a_random_pool_is_never_below_the_best(seed, no_enumeration):
    compare_random(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12, 300))
def test_bounds_of_300_random_pools_are_never_below_the_best(seed, no_enumeration):
    compare_random(seed)
