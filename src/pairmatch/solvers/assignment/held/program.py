"""Integer programs over the pairs of an assignment, and HiGHS, who solves them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from pairmatch.errors import CapabilityError
from pairmatch.solvers.certify.budgets import count_room

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.remainder import Edges, Remainder
    from pairmatch.solvers.assignment.held.watch import Watch
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = [
    "IntegerProgram",
    "Row",
    "drop_misfits",
    "fill_columns",
    "list_rows",
    "maximise",
]

_NODES_TO_FILL = 20_000  # of the search tree in which minimum loads are met


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A constraint: the number, or weight, of chosen edges among some lies between two bounds."""

    kind: Literal["row", "column", "quota", "budget", "all"]
    where: tuple[int, ...]  # (row,), (column,), (quota, column, class), (budget, column) or ()
    edges: NDArray[np.int64]
    low: int
    high: int
    use: NDArray[np.int64] | None = None  # weights of the edges; None: 1 each

    @property
    def factor(self) -> NDArray[np.int64]:
        """The weight of each edge."""
        return np.ones(len(self.edges), np.int64) if self.use is None else self.use


def list_rows(problem: AssignmentProblem, remainder: Remainder, edges: Edges) -> Iterator[Row]:
    """List every constraint that the edges are under."""
    wanted = np.zeros(problem.n_rows, np.int64)
    wanted[remainder.rows] = remainder.demand
    for i, group in _group(edges.row):
        yield Row("row", (i,), group, 0, int(wanted[i]))
    for j, group in _group(edges.column):
        low, high = int(remainder.at_least[j]), int(remainder.capacity[j])
        yield Row("column", (j,), group, low, high)
    for k, quota in enumerate(problem.quotas):
        label = quota.class_of[edges.row]
        counted = np.flatnonzero(label >= 0)
        code = edges.column[counted] * quota.n_classes + label[counted]
        for key, group in _group(code):
            j, c = divmod(key, quota.n_classes)
            room = int(remainder.room[k][j, c])
            if len(group) > room:
                yield Row("quota", (k, j, c), counted[group], 0, room)
    for k, (budget, left) in enumerate(zip(problem.budgets, count_room(problem), strict=True)):
        use = budget.pairs(edges.row, edges.column)
        for j, group in _group(edges.column):
            if int(use[group].sum()) > left[j]:
                yield Row("budget", (k, j), group, 0, int(left[j]), use[group])


def _group(keys: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """List each key, ascending, with the positions where it stands."""
    order = np.argsort(keys, kind="stable")
    values, first = np.unique(keys[order], return_index=True)
    yield from zip(values.tolist(), np.split(order, first[1:]), strict=False)


@dataclass(frozen=True, slots=True, eq=False)
class IntegerProgram:
    """Constraints of an integer program, as a sparse matrix over 0-1 variables.

    Parameters
    ----------
    line, variable, factor : ndarray of int64, shape (n_entries,)
        Constraint, variable and factor of each entry of the matrix.
    low, high : ndarray of float, shape (n_constraints,)
        Bounds of each constraint.
    n_variables : int
        Number of variables.
    least, most : ndarray of int64, shape (n_variables,), or None
        Bounds of each variable, where these are not 0 and 1.
    """

    line: NDArray[np.int64]
    variable: NDArray[np.int64]
    factor: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    n_variables: int
    least: NDArray[np.int64] | None = None
    most: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, rows: list[Row], n_edges: int) -> IntegerProgram:
        """Return the program of some rows of edges."""
        line = np.repeat(np.arange(len(rows)), [len(row.edges) for row in rows])
        variable = np.concatenate([np.empty(0, np.int64), *(row.edges for row in rows)])
        low = np.array([row.low for row in rows], np.float64)
        high = np.array([row.high for row in rows], np.float64)
        factor = np.concatenate([np.empty(0, np.int64), *(row.factor for row in rows)])
        return cls(line, variable, factor, low, high, n_edges)

    def demand(
        self, weight: NDArray[np.int64], least: float, most: float = np.inf
    ) -> IntegerProgram:
        """Return the program in which a weighted sum of the first variables is within bounds."""
        used = np.flatnonzero(weight)
        return replace(
            self,
            line=np.concatenate([self.line, np.full(len(used), len(self.low))]),
            variable=np.concatenate([self.variable, used]),
            factor=np.concatenate([self.factor, weight[used]]),
            low=np.append(self.low, least),
            high=np.append(self.high, most),
        )


def maximise(
    program: IntegerProgram,
    weight: NDArray[np.int64],
    n_nodes: int,
    watch: Watch,
    share: float = 1.0,
    gap: float = 0.0,
) -> tuple[NDArray[np.int64] | None, bool]:
    """Return the variables of a best solution, if one was found, and whether it is called best.

    ``share`` is the part of the time that is left which may be taken; ``gap`` is the share of the
    value that may be missing.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    if not program.n_variables:
        return (None, True) if (program.low > 0).any() else (np.empty(0, np.int64), True)
    matrix = csr_array(
        (program.factor.astype(np.float64), (program.line, program.variable)),
        shape=(len(program.low), program.n_variables),
    )
    options: dict[str, float] = {"mip_rel_gap": gap, "node_limit": n_nodes}
    if watch.left is not None:
        options["time_limit"] = share * watch.left
    answer = watch.wait(
        lambda: milp(
            -weight.astype(np.float64),
            integrality=np.ones(program.n_variables, np.int64),
            bounds=Bounds(
                0 if program.least is None else program.least,
                1 if program.most is None else program.most,
            ),
            constraints=LinearConstraint(matrix, program.low, program.high),
            options=options,  # type: ignore[arg-type]
        )
    )
    if answer.x is None:
        return None, False
    return np.rint(answer.x).astype(np.int64), answer.status == 0


def drop_misfits(problem: AssignmentProblem, edges: Edges) -> Edges:
    """Return the edges that fit into what the pins leave of every budget.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem.
    edges : Edges
        Its pairs.
    """
    for budget, room in zip(problem.budgets, count_room(problem), strict=True):
        edges = edges.take(budget.pairs(edges.row, edges.column) <= room[edges.column])
    return edges


def fill_columns(
    rows: list[Row],
    n_edges: int,
    watch: Watch,
    fills: list[NDArray[np.int64]],
    asked: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give each column as many as possible of its rows; see ``check_minimum_loads``.

    Parameters
    ----------
    rows : list of Row
        The constraints.
    n_edges : int
        Number of pairs.
    watch : Watch
        The clock.
    fills : list
        Where the pairs that were chosen are put down.
    asked : ndarray of int64, shape (n_columns,)
        Rows that each column asks for.

    Raises
    ------
    CapabilityError
        If that was not found out.
    """
    wanted = [row for row in rows if row.kind == "column" and asked[row.where[0]]]
    # Whether an edge counts as asked for is one more choice for each of these edges.
    rest = [row for row in rows if row.kind != "column"]
    rest += [replace(row, low=0, high=int(asked[row.where[0]])) for row in wanted]
    useful = np.zeros(n_edges, np.int64)
    for row in wanted:
        useful[row.edges] = 1
    chosen, complete = maximise(IntegerProgram.of(rest, n_edges), useful, _NODES_TO_FILL, watch)
    if chosen is None or (not complete and int(useful @ chosen) < int(asked.sum())):
        watch.check()
        raise CapabilityError(
            "whether the minimum loads can be met was not decided; drop one of the quotas that "
            "cross, or lower at_least in Load"
        )
    fills.append(chosen)
    met = np.zeros_like(asked)
    for row in wanted:
        met[row.where[0]] = int(chosen[row.edges].sum())
    return met, np.flatnonzero(asked)
