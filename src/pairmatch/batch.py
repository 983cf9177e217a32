"""Many pools, one after another or over any executor; a failing pool does not stop the others."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pairmatch.errors import ProgramError
from pairmatch.verbs import form_groups, match

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Executor, Future

    from pairmatch.options import Options
    from pairmatch.plans import Grouping, Matching
    from pairmatch.programs import Program

__all__ = ["Job", "Outcome", "match_many"]

_IN_FLIGHT = 32


@dataclass(frozen=True, slots=True)
class Job:
    """One pool to match.

    Parameters
    ----------
    name : str
        Name of the pool, for instance the school.
    mentees : Profiles, DataFrame or path
        Who is coached; for groups, the whole pool.
    mentors : Profiles, DataFrame, path or None
        Who coaches; None forms groups of the first table.
    program : Program, optional
        What is wanted.
    options : Options, optional
        How to solve.

    Examples
    --------
    >>> Job("North", "mentees.csv", "mentors.csv").name
    'North'
    """

    name: str
    mentees: Any
    mentors: Any = None
    program: Program | None = None
    options: Options | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one job: a plan or an error, never both.

    Parameters
    ----------
    name : str
        Name of the job.
    plan : Matching, Grouping or None
        The plan.
    error : Exception or None
        What went wrong.

    Examples
    --------
    >>> import pandas as pd
    >>> import pairmatch as pm
    >>> mentees = pd.DataFrame({"id": ["T-1"], "subjects": ["art"]})
    >>> mentors = pd.DataFrame({"id": ["M-1"], "subjects": ["art"]})
    >>> [outcome] = pm.match_many([pm.Job("Brook", mentees, mentors)])
    >>> outcome.name, outcome.plan.matched, outcome.error
    ('Brook', 1, None)
    """

    name: str
    plan: Matching | Grouping | None
    error: Exception | None


def match_many(jobs: Iterable[Job], executor: Executor | None = None) -> Iterator[Outcome]:
    """Match many pools, lazily, one outcome each in the order of the jobs.

    Parameters
    ----------
    jobs : iterable of Job
        Read as needed: at most a few dozen jobs are under way at a time.
    executor : concurrent.futures.Executor, optional
        A thread or process pool, or anything with the same ``submit``, such as Dask's client
        executor. None: one after another in this thread.

    Yields
    ------
    Outcome
        A plan or the error of that pool.

    Raises
    ------
    ProgramError
        If something among the jobs is no `Job`.

    Examples
    --------
    >>> import pandas as pd
    >>> import pairmatch as pm
    >>> table = pd.DataFrame({"id": ["a", "b"], "subjects": ["art", "maths"]})
    >>> jobs = [pm.Job("good", table, table), pm.Job("bad", "no such file.csv", table)]
    >>> [(outcome.name, outcome.error is None) for outcome in pm.match_many(jobs)]
    [('good', True), ('bad', False)]
    """
    jobs = map(_check, jobs)
    if executor is None:
        yield from map(_run, jobs)
        return
    under_way: deque[tuple[str, Future[Outcome]]] = deque()
    try:
        for job in jobs:
            under_way.append((job.name, executor.submit(_run, job)))
            if len(under_way) >= _IN_FLIGHT:
                yield _result(*under_way.popleft())
        while under_way:
            yield _result(*under_way.popleft())
    finally:
        for _, future in under_way:
            future.cancel()


def _check(job: Any) -> Job:
    """Return a job, or say what was given instead of one."""
    if not isinstance(job, Job):
        raise ProgramError(f"{job!r} is no job; write Job(name, mentees, mentors, program)")
    return job


def _run(job: Job) -> Outcome:
    try:
        if job.mentors is None:
            return Outcome(
                job.name, form_groups(job.mentees, job.program, options=job.options), None
            )
        plan = match(job.mentees, job.mentors, job.program, options=job.options)
        return Outcome(job.name, plan, None)
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to this pool alone
        return Outcome(job.name, None, error)


def _result(name: str, future: Future[Outcome]) -> Outcome:
    """Return what a worker made; a job that cannot travel or whose worker died is its own error."""
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001 - the other pools go on
        return Outcome(name, None, error)
