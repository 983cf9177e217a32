"""The proof of a plan within its time limit, which Ctrl-C ends as well."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.solution import Status

if TYPE_CHECKING:
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution, Certificate

__all__ = ["certify_in_time"]

_GRACE, _GRACE_SHARE = 0.4, 0.05  # seconds that a proof may go on beyond the limit, or that share


def certify_in_time(
    problem: AssignmentProblem, solution: AssignmentSolution, *, start: float, limit: float
) -> tuple[AssignmentSolution, Certificate]:
    """Return an answer with the status that its proof leaves it, and its certificate.

    Parameters
    ----------
    problem : AssignmentProblem
        What was asked.
    solution : AssignmentSolution
        What was answered.
    start : float
        When the solve began, by :func:`time.monotonic`.
    limit : float
        Seconds for solve and proof; after them, and after Ctrl-C, bounds that would take another
        look at all pairs are missing.

    Returns
    -------
    solution : AssignmentSolution
        The answer. Its status is TIME_LIMIT or INTERRUPTED where the proof was cut short.
    certificate : Certificate
        What is proved about it.

    Raises
    ------
    CertificateError
        If the answer breaks a rule.
    """
    deadline = start + limit + max(_GRACE, _GRACE_SHARE * limit)
    status = Status.TIME_LIMIT
    try:
        certificate = certify_plan(problem, solution, deadline=deadline)
    except KeyboardInterrupt:
        status = Status.INTERRUPTED
        certificate = certify_plan(problem, solution, deadline=start)
    late = status is Status.INTERRUPTED or monotonic() - start > limit
    if solution.status is Status.OPTIMAL and not certificate.proved and late:
        solution = replace(solution, status=status)
    return solution, certificate
