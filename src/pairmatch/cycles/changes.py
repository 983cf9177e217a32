"""What has changed since a plan was made: people who leave or join, new cells, new rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import Demand, Forbid, Load, Minutes, Pin, Quota
from pairmatch.errors import Fault, ProgramError, UnknownIdError, did_you_mean
from pairmatch.inputs import read_table
from pairmatch.profiles import Profiles, read_profiles
from pairmatch.profiles.joining import join_tables, replace_texts
from pairmatch.programs import Program
from pairmatch.scoring.own import OwnScores
from pairmatch.typed import check_all

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd

    from pairmatch.plans import Matching

    Table = Profiles | pd.DataFrame | str | PathLike[str]

__all__ = ["Changes"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Changes:
    """What has changed since a plan was made.

    Parameters
    ----------
    leave : sequence of str, default: ()
        Ids of people who are no longer there, mentees or mentors. Who leaves and has a row in the
        other table has changed sides: a mentee who coaches from now on.
    mentees, mentors : Profiles, DataFrame or path, optional
        Rows of people who join, and of people whose cells have changed. Of people who are there
        already, the columns of these rows replace the old cells, and other columns stay.
    scores : DataFrame, optional
        For plans from own scores: the whole new matrix, with ids on both axes. Who is in it is
        there, whoever is not has left.
    program : Program, optional
        The program from now on; by default that of the plan, without the pins and forbidden
        pairs of people who left.

    Raises
    ------
    ProgramError
        If ``leave`` is no list of ids or ``program`` is none.

    Examples
    --------
    >>> Changes(leave=["M-07"])
    Changes(1 leave)
    """

    leave: Sequence[Any] = ()
    mentees: Table | None = None
    mentors: Table | None = None
    scores: pd.DataFrame | None = None
    program: Program | None = None

    def __post_init__(self) -> None:
        given: Any = self.leave
        is_list = isinstance(given, Sequence) and not isinstance(given, str)
        check_all(
            "Changes",
            (is_list, f"leave is {given!r}.", "Give a list of ids, such as ['M-07']."),
            (
                self.program is None or isinstance(self.program, Program),
                f"program is {self.program!r}.",
                "Give a Program, or leave it out.",
            ),
        )
        object.__setattr__(self, "leave", tuple(given))

    def __repr__(self) -> str:
        told = [f"{len(self.leave)} leave"] if self.leave else []
        told += [n for n in ("mentees", "mentors", "scores") if getattr(self, n) is not None]
        told += ["program"] if self.program is not None else []
        return f"Changes({', '.join(told)})"

    def read(self) -> Changes:
        """Return these changes with their tables read, so that no file is read twice."""
        tables = [
            None if table is None else read_table(table, side)
            for table, side in ((self.mentees, "mentees"), (self.mentors, "mentors"))
        ]
        return replace(self, mentees=tables[0], mentors=tables[1])

    def apply(self, plan: Matching) -> tuple[Any, Any, Program]:
        """Return both sides and the program as they are now.

        Parameters
        ----------
        plan : Matching
            What the changes are to be made to.

        Returns
        -------
        coached, coach : Profiles, or OwnScores twice
            Who is there now.
        program : Program

        Raises
        ------
        UnknownIdError
            If somebody leaves who is not in the plan.
        ProfileError
            If a new table cannot be used.
        ProgramError
            If tables are given for a plan from own scores, or scores for one from tables.
        """
        scored = plan.scored
        sides: tuple[Any, Any]
        if isinstance(scored, OwnScores):
            gone = self.find_leavers(plan)
            own = self._change_scores(scored, gone)
            sides = own, own
            here = {*map(str, own.coached.ids)}, {*map(str, own.coach.ids)}
        else:
            if self.scores is not None:
                raise ProgramError("this plan is from tables; give mentees= and mentors=")
            left, gone = self.find_leavers_by_side(plan)
            coached = change_table(scored.coached, self.mentees, left, "mentees", gone)
            one_table = scored.coach is scored.coached
            coach = coached
            if not one_table:
                coach = change_table(scored.coach, self.mentors, gone, "mentors", left)
            elif self.mentors is not None:
                raise ProgramError("this plan has one table of people; give mentees= only")
            sides = coached, coach
            here = {*coached.ids}, {*coach.ids}
        program = self.program
        if program is None:
            program = drop_strangers(plan.program, *here)
        return *sides, program

    def find_leavers_by_side(self, plan: Matching) -> tuple[set[str], set[str]]:
        """Return who leaves the mentees, and who the mentors.

        Whoever leaves and has a row in one of the two tables is there on that side from now on.

        Raises
        ------
        UnknownIdError
            If somebody leaves who is not in the plan.
        ProgramError
            If somebody leaves and has a row wherever they were.
        """
        gone = self.find_leavers(plan)
        scored: Any = plan.scored  # of two tables, whose people are looked up by id
        tables = [
            ("mentees", self.mentees, scored.coached),
            ("mentors", self.mentors, scored.coach),
        ]
        if scored.coach is scored.coached:
            tables[1] = tables[0]
        rows = [set() if t is None else {*read_table(t, side).ids} for side, t, _ in tables]
        back = [
            who
            for who in sorted(gone)
            if all(
                who in own or who not in known.row_of
                for own, (_, _, known) in zip(rows, tables, strict=True)
            )
        ]
        if back:
            what = f"{', '.join(back)} both leave and have a row."
            raise ProgramError("these changes contradict each other", [Fault(what)])
        return gone - rows[0], gone - rows[1]

    def find_leavers(self, plan: Matching) -> set[str]:
        """Return the ids of who leaves.

        Raises
        ------
        UnknownIdError
            If somebody leaves who is not in the plan.
        """
        if not self.leave:
            return set()
        sides = plan.scored.coached, plan.scored.coach
        known = [
            side.row_of if isinstance(side, Profiles) else {*map(str, side.ids)} for side in sides
        ]
        lost = [who for who in self.leave if not any(str(who) in ids for ids in known)]
        if lost:
            ids = {*known[0], *known[1]}
            faults = [
                Fault(f"{who!r} is in neither table.{did_you_mean(str(who), ids)}", "leave")
                for who in lost
            ]
            raise UnknownIdError("nobody of this id can leave", faults)
        return {str(who) for who in self.leave}

    def _change_scores(self, scored: OwnScores, gone: set[str]) -> OwnScores:
        if self.mentees is not None or self.mentors is not None:
            raise ProgramError("this plan is from own scores; give scores= with the new matrix")
        own = scored
        if self.scores is not None:
            own = OwnScores.read(self.scores, n_bits=scored.n_bits)
        rows = [i for i, who in enumerate(own.coached.ids) if str(who) not in gone]
        columns = [j for j, who in enumerate(own.coach.ids) if str(who) not in gone]
        return own.take(np.array(rows, np.int64), np.array(columns, np.int64)).with_rules(())


def change_table(
    table: Profiles, news: Any, gone: set[str], side: str, lost: set[str] | None = None
) -> Profiles:
    """Return a table without some people, and with new rows and cells.

    ``lost`` are those whom nobody here can wish for any more; by default the same people.
    """
    lost = gone if lost is None else lost
    stays = np.array([person not in gone for person in table.ids], np.bool_)
    if not stays.all():
        table = table.take(np.flatnonzero(stays))
    if lost and "wishes" in table:
        table = strike_wishes(table, lost)
    if news is not None:
        import pandas as pd

        rows = read_table(news, side)
        if gone.isdisjoint(rows.ids) and not {*rows.ids} & {*table.ids}:
            return join_tables(table, rows)
        fresh = rows.to_frame().set_index("id")
        frame = table.to_frame().set_index("id")
        back = [person for person in rows.ids if person in gone]
        if back:
            what = f"{', '.join(back)} both leave and have a row."
            raise ProgramError("these changes contradict each other", [Fault(what)])
        frame = frame.reindex(columns=[*frame.columns, *fresh.columns.difference(frame.columns)])
        known = fresh.index.intersection(frame.index)
        frame.loc[known, fresh.columns] = fresh.loc[known]
        joined = fresh.loc[fresh.index.difference(frame.index)]
        return read_profiles(pd.concat([frame, joined]).fillna("").reset_index())
    return table


def strike_wishes(table: Profiles, gone: set[str]) -> Profiles:
    """Return a table in which nobody wishes for people who left."""
    texts = table.texts("wishes").tolist()
    struck = [strike_out(text, gone) if text else text for text in texts]
    if struck == texts:
        return table
    return replace_texts(table, "wishes", struck)


def strike_out(text: str, gone: set[str]) -> str:
    """Return a cell of wishes without people who left; their ranks stay as gaps.

    Examples
    --------
    >>> strike_out("M-1; M-2 = M-3; M-4", {"M-1", "M-3"})
    '-; M-2; M-4'
    """
    if not any(who in text for who in gone):
        return text
    entries = []
    for entry in text.split(";"):
        whole = entry.strip()
        parts = [whole] if whole in gone else [part.strip() for part in whole.split("=")]
        left = [part for part in parts if part not in gone]
        entries.append(" = ".join(left) if left else "-")
    return "; ".join(entries)


def drop_strangers(program: Program, mentees: set[str], mentors: set[str]) -> Program:
    """Return a program without what names people who are no longer there."""

    def keep(rule: Any) -> Any:
        if isinstance(rule, (Pin, Forbid)):
            return rule if str(rule.mentee) in mentees and str(rule.mentor) in mentors else None
        if isinstance(rule, Load) and (_names(rule.at_most) or _names(rule.at_least)):
            return Load(
                at_most=_restrict(rule.at_most, mentors),
                at_least=_restrict(rule.at_least, mentors),
                default=rule.default,
            )
        if isinstance(rule, Demand) and _names(rule.each):
            return Demand(_restrict(rule.each, mentees), default=rule.default)
        if isinstance(rule, Minutes):
            each = _restrict(rule.each, mentees)
            if _names(each):
                each = {who: _restrict(minutes, mentors) for who, minutes in each.items()}
            return replace(rule, each=each, at_most=_restrict(rule.at_most, mentors))
        if isinstance(rule, Quota) and _names(rule.by):
            return Quota(by=_restrict(rule.by, mentees), at_most=rule.at_most)
        return rule

    kept = [keep(rule) for rule in program.constraints]
    return program.replace(constraints=[rule for rule in kept if rule is not None])


def _names(amount: Any) -> bool:
    return hasattr(amount, "items")


def _restrict(amount: Any, here: set[str]) -> Any:
    if not _names(amount):
        return amount
    return {key: number for key, number in amount.items() if str(key) in here}
