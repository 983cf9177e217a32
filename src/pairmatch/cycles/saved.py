"""Plans read back from their folders, over the tables as they are now."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import bind_pair_rules
from pairmatch.disk import has_file, has_folder
from pairmatch.errors import Fault, PairmatchError, ProfileError, ProgramError
from pairmatch.inputs import read_table, read_tables
from pairmatch.plans import Grouping, Matching
from pairmatch.plans.editing import put_pairs
from pairmatch.plans.people import find_mentees, find_mentors
from pairmatch.profiles import read_profiles
from pairmatch.profiles.joining import join_tables
from pairmatch.profiles.week import parse_minute
from pairmatch.programs import Program
from pairmatch.scoring import Compatibility
from pairmatch.seam import assignment_problem, hashed_order
from pairmatch.seam.groups import grouping_problem
from pairmatch.solvers.solution import AssignmentSolution, GroupingSolution, Status

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.profiles import Profiles

    Table = Profiles | pd.DataFrame | str | PathLike[str]

__all__ = ["Record", "read_plan", "read_record", "with_people"]


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """What the folder of a plan says without any table.

    Parameters
    ----------
    folder : Path
        Where it is.
    kind : {"matching", "grouping"}
        What it is a plan of.
    seed, matched, objective : int, int, float
        As in the plan.
    neutral : dict of str to int
        By name of a criterion, what unknown values count as, in millionths.
    pairs : tuple of (str, str, float)
        Mentee, mentor and score.
    begins : tuple of tuple of int
        By pair, at which minutes of the week its meetings begin, as far as they have a time.
    groups : tuple of tuple of str
        Members of each group.
    left_out : tuple of str
        Ids of people without a mentor or group.
    """

    folder: Path
    kind: str
    seed: int
    matched: int
    objective: float
    neutral: dict[str, int]
    pairs: tuple[tuple[str, str, float], ...]
    begins: tuple[tuple[int, ...], ...]
    groups: tuple[tuple[str, ...], ...]
    left_out: tuple[str, ...]

    @property
    def people(self) -> set[str]:
        """Ids of everybody in the one pool of a plan of groups, or of all mentees of pairs."""
        members = {who for group in self.groups for who in group}
        return members | {pair[0] for pair in self.pairs} | {*self.left_out}

    def read_program(self) -> Program:
        """Return the criteria and rules of the plan.

        Raises
        ------
        ProgramError
            If the folder has no ``program.toml``.
        """
        file = self.folder / "program.toml"
        if not has_file(file):
            what = "its criteria or rules have no place in a file."
            remedy = "Give a program file."
            raise ProgramError(
                f"{self.folder} has no program.toml", [Fault(what, str(self.folder), remedy)]
            )
        return Program.from_toml(file)


def read_record(folder: str | PathLike[str]) -> Record:
    """Read what the folder of a plan says.

    Parameters
    ----------
    folder : path-like
        Written by ``plan.save(folder)`` or ``--out``.

    Raises
    ------
    PairmatchError
        If there is no plan, or not one that can be read.
    """
    home = Path(folder)
    try:
        content: Any = json.loads((home / "plan.json").read_text(encoding="utf-8"))
        if "rounds" in content:
            what = "these are several rounds, not one plan."
            remedy = f"Form the rounds to come anew: pairmatch groups ... --history {home}."
            raise PairmatchError(f"{home} cannot be used here", [Fault(what, "", remedy)])
        pairs = [
            (str(p["mentee"]), str(p["mentor"]), float(p["score"]))
            for p in content.get("pairs", ())
        ]
        return Record(
            home,
            {"matching": "matching", "grouping": "grouping"}[content["kind"]],
            int(content["seed"]),
            int(content["matched"]),
            float(content["objective"]),
            {str(name): int(units) for name, units in content["neutral"].items()},
            tuple(pairs),
            tuple(_read_begins(p) for p in content.get("pairs", ())),
            tuple(tuple(map(str, group["ids"])) for group in content.get("groups", ())),
            tuple(str(person["id"]) for person in content["unmatched"]),
        )
    except OSError as error:
        parts = []
        if has_folder(home):
            parts = [path.parent.name for path in home.glob("format-*/plan.json")]
        if parts:
            what = f"{home} holds several formats, each a plan of its own."
            remedy = f"Name one of them: {home / min(parts)}."
            raise PairmatchError(f"there is no plan in {home}", [Fault(what, "", remedy)]) from None
        what = "expected the folder of a plan, with plan.json in it."
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            why = (error.strerror or type(error).__name__).lower()
            what = f"plan.json in it cannot be opened: {why}."
        raise PairmatchError(f"there is no plan in {home}", [Fault(what)]) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        remedy = "Make the plan again."
        raise PairmatchError(
            "the plan cannot be read", [Fault("this is no plan.", f"{home}/plan.json", remedy)]
        ) from None


def _read_begins(pair: dict[str, Any]) -> tuple[int, ...]:
    """Return at which minutes of the week the meetings of a pair begin."""
    meetings = pair.get("meetings", [pair] if "day" in pair else [])
    return tuple(parse_minute(one["day"], one["start"]) for one in meetings if one["day"])


def read_plan(
    folder: str | PathLike[str],
    mentees: Table,
    mentors: Table | None = None,
    *,
    program: Program | None = None,
) -> Matching | Grouping:
    """Read a plan back from its folder, over the tables as they are now.

    Parameters
    ----------
    folder : path-like
        Written by ``plan.save(folder)`` or ``--out``.
    mentees, mentors : Profiles, DataFrame or path
        The tables now, or the one table of a plan of groups. Pairs of people who are no longer in
        them are part of the plan; these people have blank cells.
    program : Program, optional
        Criteria and rules of the plan, where its folder has no ``program.toml``.

    Returns
    -------
    Matching or Grouping
        The plan that was written, without its proof. Unknown values count what they did then, and
        meetings begin when they did, as far as people still have the time.

    Raises
    ------
    PairmatchError
        If there is no plan in the folder.
    ProgramError
        If its program is not known, or does not fit the tables.
    ProfileError
        If a table cannot be used, or is missing; of groups, also if a member is no longer there.

    Notes
    -----
    Under ``Demand`` only tables that still name everybody give the plan back.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> import pairmatch as pm
    >>> mentees = pd.DataFrame({"id": ["T-1", "T-2"], "subjects": ["art", "maths"]})
    >>> mentors = pd.DataFrame({"id": ["M-1", "M-2"], "subjects": ["maths", "art"]})
    >>> plan = pm.match(mentees, mentors)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plan.save(folder)
    ...     again = pm.read_plan(folder, mentees, mentors)
    >>> again.objective == plan.objective
    True
    """
    record = read_record(folder)
    program = program or record.read_program()
    if record.kind == "grouping":
        return _read_grouping(record, read_table(mentees), program)
    if mentors is None:
        raise ProfileError("this is a plan of pairs", [Fault("the mentors' table is missing.")])
    coached, coach = read_tables(mentees, mentors)
    one_table = coach is coached
    if one_table:
        named = {who for pair in record.pairs for who in pair[:2]} | {*record.left_out}
        coached = coach = with_people(coached, named)
    else:
        coached = with_people(coached, {pair[0] for pair in record.pairs} | {*record.left_out})
        coach = with_people(coach, {pair[1] for pair in record.pairs})
    scored = _score(record, coached, coach, program, mutual=False)
    objective: Any = program.objective
    problem = assignment_problem(scored, program.constraints, objective)
    nobody = AssignmentSolution(np.empty((0, 2), np.int64), None, Status.FEASIBLE, "")
    neutral = tuple(record.neutral.items())
    plan = Matching(scored, problem, nobody, None, program, record.seed, 0.0, fixed_neutral=neutral)
    return put_pairs(plan, *_find_pairs(record, plan))


def _find_pairs(record: Record, plan: Matching) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs of a record by number, sorted, and when their meetings begin."""
    rows = find_mentees(plan.scored, (pair[0] for pair in record.pairs))
    columns = find_mentors(plan.scored, (pair[1] for pair in record.pairs))
    pairs = np.array([rows, columns], np.int64).T.reshape(-1, 2)
    slots = plan.problem.slots
    begins = np.full((len(pairs), 0 if slots is None else slots.per_week), -1)
    for k, own in enumerate(record.begins):
        some = own[: begins.shape[1]]
        begins[k, : len(some)] = some
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return pairs[order], begins[order]


def _read_grouping(record: Record, table: Profiles, program: Program) -> Grouping:
    here = set(table.ids)
    gone = [who for group in record.groups for who in group if who not in here]
    if gone:
        faults = [Fault("is in the plan and no longer in the table.", f"id {who}") for who in gone]
        raise ProfileError(f"{table.source} is not the table of this plan", faults)
    # In the order of form_groups(), by which TakeTurns decides between equals; those who have a
    # group first, as they have kept it before newcomers.
    table = table.take(hashed_order(table.ids, record.seed))
    placed = {who for group in record.groups for who in group}
    table = table.take(np.argsort([who not in placed for who in table.ids], kind="stable"))
    scored = _score(record, table, table, program, mutual=True)
    problem = grouping_problem(scored, program)
    nobody = np.full(len(table), -1, np.int64)
    solution = GroupingSolution(nobody, None, 1, "", Status.FEASIBLE, "")
    neutral = tuple(record.neutral.items())
    plan = Grouping(
        scored, problem, solution, None, program, record.seed, 0.0, fixed_neutral=neutral
    )
    return plan.replace(groups=record.groups)


def _score(
    record: Record, coached: Profiles, coach: Profiles, program: Program, *, mutual: bool
) -> Compatibility:
    rules = bind_pair_rules(program.constraints, coached, coach, mutual=mutual)
    criteria = program.criteria or ()
    return Compatibility.bind(coached, coach, criteria, rules, neutral=record.neutral)


def with_people(table: Profiles, named: set[str]) -> Profiles:
    """Return a table with a blank row for everybody who is named and not in it."""
    import pandas as pd

    gone = sorted(named - {*table.ids})
    if not gone:
        return table
    return join_tables(table, read_profiles(pd.DataFrame({"id": gone})))
