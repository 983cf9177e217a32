"""Weights that feedback suggests: shrunk to those in use, and never applied by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.cycles.evaluation import mean_interval
from pairmatch.cycles.joining import join_feedback
from pairmatch.errors import CapabilityError, Fault, ProgramError
from pairmatch.typed import is_count, is_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.cycles.feedback import Feedback
    from pairmatch.plans import Grouping, Matching

__all__ = ["Suggestion", "least_answers", "suggest_weights"]

_PULLS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0)
_FOLDS = 5
_RESAMPLES = 200


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Suggestion:
    """Weights that fit the ratings, beside those in use.

    Parameters
    ----------
    weights : DataFrame
        ``criterion, current, suggested, low, high``: both sum to the same; bootstrap intervals.
    n : int
        Rated pairs or groups.
    pull : float
        How strongly the weights were drawn to the current ones, chosen by cross-validation:
        0 is not at all, 100 leaves them nearly as they are.
    improvement : (float, float, float)
        By how much the squared error of predicted ratings falls out of sample, against the
        current weights, with its interval; the unit is the square of the rating's.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"criterion": ["SubjectMatch()"], "current": [1.0]})
    >>> Suggestion(frame, n=140, pull=1.0, improvement=(0.2, 0.1, 0.3))
    Suggestion(140 ratings, improves)
    """

    weights: pd.DataFrame
    n: int
    pull: float
    improvement: tuple[float, float, float]

    @property
    def improves(self) -> bool:
        """Whether the suggested weights predict ratings better than the current ones for sure."""
        return self.improvement[1] > 0

    def summary(self) -> str:
        """Return the advice in a few lines of text."""
        value, low, high = self.improvement
        verdict = (
            "they predict new ratings better than the current weights"
            if self.improves
            else "no proof that they predict new ratings better: keep the current weights"
        )
        lines = [f"from {self.n} ratings: {verdict} ({value:+.3g}; {low:+.3g} to {high:+.3g})"]
        lines += [
            f"  {row.criterion}: {row.current:g} -> {row.suggested:.3g} "
            f"({row.low:.3g} to {row.high:.3g})"
            for row in self.weights.itertuples()
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        verdict = "improves" if self.improves else "no proof of improvement"
        return f"Suggestion({self.n} ratings, {verdict})"


def least_answers(n_criteria: int) -> int:
    """Return how many rated pairs are asked for before weights are suggested.

    Examples
    --------
    >>> least_answers(3), least_answers(10)
    (100, 200)
    """
    return max(100, 20 * n_criteria)


def suggest_weights(
    plans: Matching | Grouping | Sequence[Matching | Grouping],
    feedback: Feedback | Sequence[Feedback],
    *,
    at_least: int | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Suggestion:
    """Return the weights that fit the ratings, with intervals and an out-of-sample check.

    Nothing is changed: whoever decides on the program may write the weights into it.

    Parameters
    ----------
    plans : plan, or sequence of plans
        Plans with the same criteria that were carried out.
    feedback : Feedback, or sequence of Feedback
        What was said of each plan, in the same order.
    at_least : int, optional
        Rated pairs or groups that are needed, >= 20; by default 100, or 20 for each criterion if
        that is more.
    confidence : float, default: 0.95
        Level of the intervals, in (0, 1).
    seed : int, default: 0
        Of folds and bootstrap.

    Returns
    -------
    Suggestion

    Raises
    ------
    ProgramError
        If there are fewer ratings than that, the plans differ in their criteria, or the ratings
        or all criteria do not vary.
    CapabilityError
        If a plan is from own scores, which have no criteria.

    Notes
    -----
    Ratings are fitted by ``constant + sum of effect x value of the criterion`` with effects >= 0
    (non-negative least squares, C. L. Lawson, R. J. Hanson 1974,
    https://doi.org/10.1137/1.9781611971217) and a ridge penalty on their distance from the
    current weights, scaled to the ratings. Its strength is chosen by 5-fold cross-validation; the
    out-of-sample check repeats that choice inside every outer fold. Intervals are bootstrap
    percentiles over pairs. Only formed pairs have ratings, so a criterion that hardly varies among
    them keeps its current weight.

    Examples
    --------
    Two criteria weigh the same, but people rate by the first one only:

    >>> import numpy as np
    >>> import pandas as pd
    >>> import pairmatch as pm
    >>> pool = pd.DataFrame(np.random.default_rng(0).random((40, 2)), columns=["pace", "talk"])
    >>> pool.insert(0, "id", [f"T-{k}" for k in range(40)])
    >>> criteria = [pm.Closeness("pace", within=1), pm.Closeness("talk", within=1)]
    >>> plan = pm.match(pool, pool, pm.Program(criteria=criteria))
    >>> said = plan.to_frame()
    >>> said["rating"] = [
    ...     1 + 4 * plan.explain(a, b)["score"][0] for a, b in zip(said["mentee"], said["mentor"])
    ... ]
    >>> found = pm.suggest_weights(plan, pm.read_feedback(said), at_least=20)
    >>> found.weights[["criterion", "current", "suggested"]].round(1)
                       criterion  current  suggested
    0  Closeness(pace, within=1)      1.0        2.0
    1  Closeness(talk, within=1)      1.0        0.0
    """
    x, y, names, current = _collect(plans, feedback)
    needed = least_answers(len(names)) if at_least is None else at_least
    if not is_count(needed, 20):
        raise ProgramError(f"at_least is {at_least!r}; give a whole number >= 20")
    if not is_number(confidence) or not 0 < confidence < 1:
        raise ProgramError(f"confidence is {confidence!r}; give a number between 0 and 1")
    if len(y) < needed:
        what = f"{len(y)} rated pairs or groups for {len(names)} criteria; {needed} are needed."
        remedy = "Keep the current weights, and gather more feedback."
        raise ProgramError("feedback is too little to suggest weights", [Fault(what, "", remedy)])
    if np.ptp(y) == 0 or (np.ptp(x, axis=0) == 0).all():
        what = "all ratings, or all values of the criteria, are the same."
        raise ProgramError("nothing can be learned from this feedback", [Fault(what)])
    rng = np.random.default_rng(seed)
    folds = rng.permutation(np.arange(len(y)) % _FOLDS)
    pull = _choose_pull(x, y, current, folds)
    suggested = _weigh(x, y, current, pull)
    gains = np.zeros(len(y))
    for fold in range(_FOLDS):
        train, test = folds != fold, folds == fold
        inner = rng.permutation(np.arange(int(train.sum())) % _FOLDS)
        chosen = _choose_pull(x[train], y[train], current, inner)
        new = _predict(x[train], y[train], _fit(x[train], y[train], current, chosen), x[test])
        old = _predict(x[train], y[train], _scale(x[train], y[train], current), x[test])
        gains[test] = (y[test] - old) ** 2 - (y[test] - new) ** 2
    drawn = []
    for _ in range(_RESAMPLES):
        rows = rng.integers(0, len(y), len(y))
        drawn.append(_weigh(x[rows], y[rows], current, pull))
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    import pandas as pd

    frame = pd.DataFrame(
        {"criterion": names, "current": current, "suggested": suggested, "low": low, "high": high}
    )
    return Suggestion(frame, len(y), pull, mean_interval(gains, confidence))


def _collect(
    plans: Any, feedback: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[str, ...], NDArray[np.float64]]:
    """Return values of criteria, ratings, names and current weights."""
    listed, answers = (
        list(given) if isinstance(given, (list, tuple)) else [given] for given in (plans, feedback)
    )
    if len(listed) != len(answers) or not listed:
        what = f"{len(listed)} plans and {len(answers)} tables of feedback."
        raise ProgramError("each plan needs its feedback", [Fault(what)])
    joined = [join_feedback(plan, said) for plan, said in zip(listed, answers, strict=True)]
    if not all(hasattr(plan.scored, "criteria") for plan in listed):
        raise CapabilityError("own scores have no criteria whose weights could be suggested")
    scored = [plan.scored for plan in listed]
    if any(repr(s.criteria) != repr(scored[0].criteria) for s in scored):
        raise ProgramError("the plans have different criteria; give plans of one program")
    x = np.concatenate([part.given for part in joined])
    y = np.concatenate([part.said["rating"] for part in joined])
    rated = ~np.isnan(y)
    current = np.array([float(criterion.weight) for criterion in scored[0].criteria])
    return x[rated], y[rated], scored[0].names, current


def _scale(
    x: NDArray[np.float64], y: NDArray[np.float64], current: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the current weights times the one factor that fits the ratings best."""
    score = (x - x.mean(axis=0)) @ current
    size = float(score @ score)
    factor = float(score @ (y - y.mean())) / size if size > 0 else 0.0
    return max(0.0, factor) * current


def _fit(
    x: NDArray[np.float64], y: NDArray[np.float64], current: NDArray[np.float64], pull: float
) -> NDArray[np.float64]:
    """Return effects >= 0, drawn to the scaled current weights."""
    from scipy.optimize import nnls

    target = _scale(x, y, current)
    centred = x - x.mean(axis=0)
    spread = float((centred**2).sum(axis=0).mean())
    ridge = np.sqrt(pull * spread) * np.eye(x.shape[1])
    left = np.vstack([centred, ridge])
    right = np.concatenate([y - y.mean(), ridge @ target])
    return np.asarray(nnls(left, right)[0])


def _weigh(
    x: NDArray[np.float64], y: NDArray[np.float64], current: NDArray[np.float64], pull: float
) -> NDArray[np.float64]:
    """Return weights with the sum of the current ones; these, if nothing has an effect."""
    effects = _fit(x, y, current, pull)
    total = float(effects.sum())
    return current.copy() if total <= 0 else effects * (current.sum() / total)


def _predict(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    effects: NDArray[np.float64],
    fresh: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return predicted ratings of new pairs."""
    predicted: NDArray[np.float64] = y.mean() + (fresh - x.mean(axis=0)) @ effects
    return predicted


def _choose_pull(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    current: NDArray[np.float64],
    folds: NDArray[np.int64],
) -> float:
    """Return the strength of the penalty with the least error in cross-validation."""
    errors = []
    for pull in _PULLS:
        error = 0.0
        for fold in range(_FOLDS):
            train, test = folds != fold, folds == fold
            effects = _fit(x[train], y[train], current, pull)
            error += float(((y[test] - _predict(x[train], y[train], effects, x[test])) ** 2).sum())
        errors.append(error)
    return _PULLS[int(np.argmin(errors))]
