"""Whether good scores went with good experiences."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.cycles.joining import join_feedback
from pairmatch.errors import ProgramError
from pairmatch.typed import is_count, is_number

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.cycles.feedback import Feedback
    from pairmatch.cycles.joining import Joined
    from pairmatch.plans import Grouping, Matching

__all__ = ["Evaluation", "evaluate", "mean_interval", "share_interval"]

_RESAMPLES = 1000


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Evaluation:
    """What feedback says of a plan; every number with an interval.

    Parameters
    ----------
    coverage : DataFrame
        ``question, answered, of, share``: of how many pairs or groups something was said.
    outcomes : DataFrame
        ``outcome, n, value, low, high``: mean rating, mean gain in self-rating, share of meetings
        held (Student's t intervals), and share retained (Wilson interval).
    by_decile : DataFrame
        ``decile, n, score_from, score_to, rating, low, high``: mean rating by tenths of the score,
        the lowest scores first; Student's t intervals.
    by_criterion : DataFrame
        ``criterion, n, correlation, low, high``: how what a criterion gave goes with the rating
        (Pearson; bootstrap percentile intervals). ``score`` is the whole score.
    lost : tuple
        Keys of feedback about pairs or groups that are not in the plan.

    Examples
    --------
    >>> import pandas as pd
    >>> import pairmatch as pm
    >>> plan = pm.match_scores([[9, 8], [7, 1]])
    >>> said = pd.DataFrame({"mentee": [0, 1], "mentor": [1, 0], "rating": [4, 5]})
    >>> found = pm.evaluate(plan, pm.read_feedback(said))
    >>> found
    Evaluation(2 pairs or groups with an answer)
    """

    coverage: pd.DataFrame
    outcomes: pd.DataFrame
    by_decile: pd.DataFrame
    by_criterion: pd.DataFrame
    lost: tuple[tuple[str, ...], ...]

    def summary(self) -> str:
        """Return the outcomes in a few lines of text."""
        lines = [
            f"{row.outcome}: {row.value:.3g} ({row.low:.3g} to {row.high:.3g}, n = {row.n})"
            for row in self.outcomes.itertuples()
        ]
        if self.lost:
            lines.append(f"{len(self.lost)} answers are about pairs or groups not in this plan")
        return "\n".join(lines)

    def __repr__(self) -> str:
        answered = int(self.coverage["answered"].max()) if len(self.coverage) else 0
        return f"Evaluation({answered} pairs or groups with an answer)"


def evaluate(
    plan: Matching | Grouping, feedback: Feedback, *, confidence: float = 0.95, seed: int = 0
) -> Evaluation:
    """Return what feedback says of a plan, with intervals.

    Parameters
    ----------
    plan : Matching or Grouping
        The plan that was carried out.
    feedback : Feedback
        What was said; joined by ids. Several answers about one pair are averaged.
    confidence : float, default: 0.95
        Level of the intervals, in (0, 1).
    seed : int, default: 0
        Of the bootstrap.

    Returns
    -------
    Evaluation

    Raises
    ------
    ProgramError
        If nothing in the feedback is about this plan, or a parameter is out of its range.

    Notes
    -----
    Only pairs that were formed have feedback, and these have good scores: a criterion that the
    matching fulfils for nearly everybody shows no correlation however much it matters.

    Examples
    --------
    >>> import pandas as pd
    >>> import pairmatch as pm
    >>> plan = pm.match_scores([[9, 8], [7, 1]])
    >>> said = pd.DataFrame({"mentee": [0, 1], "mentor": [1, 0], "rating": [4, 5]})
    >>> found = pm.evaluate(plan, pm.read_feedback(said))
    >>> found.outcomes[["outcome", "n", "value"]]
      outcome  n  value
    0  rating  2    4.5
    """
    if not is_number(confidence) or not 0 < confidence < 1:
        raise ProgramError(f"confidence is {confidence!r}; give a number between 0 and 1")
    if not is_count(seed):
        raise ProgramError(f"seed is {seed!r}; give a whole number >= 0")
    joined = join_feedback(plan, feedback)
    names = getattr(plan.scored, "names", ())
    return Evaluation(
        _cover(joined),
        _outcomes(joined, confidence, feedback.scale),
        _deciles(joined, confidence, feedback.scale),
        _correlations(joined, names, confidence, seed),
        joined.lost,
    )


def mean_interval(
    values: NDArray[np.float64],
    confidence: float,
    within: tuple[float, float] = (float("-inf"), float("inf")),
) -> tuple[float, float, float]:
    """Return mean and Student's t interval, as far as it is possible; NaN for too few values."""
    from scipy.special import stdtrit

    n = len(values)
    if n == 0:
        return float("nan"), float("nan"), float("nan")
    mean = float(values.mean())
    if n == 1:
        return mean, float("nan"), float("nan")
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * float(values.std(ddof=1)) / sqrt(n)
    return mean, max(within[0], mean - half), min(within[1], mean + half)


def share_interval(n_yes: int, n: int, confidence: float) -> tuple[float, float, float]:
    """Return a share and its Wilson interval.

    Notes
    -----
    E. B. Wilson, J. Am. Stat. Assoc. 22 (1927), 209-212,
    https://doi.org/10.1080/01621459.1927.10502953.

    Examples
    --------
    >>> [round(x, 3) for x in share_interval(9, 10, 0.95)]
    [0.9, 0.596, 0.982]
    """
    from scipy.special import ndtri

    if n == 0:
        return float("nan"), float("nan"), float("nan")
    z = float(ndtri((1 + confidence) / 2))
    share = n_yes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return share, max(0.0, middle - half), min(1.0, middle + half)


def _cover(joined: Joined) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for name, values in joined.said.items():
        answered = int((~np.isnan(values)).sum())
        if answered:
            rows.append((name, answered, joined.n_units, answered / joined.n_units))
    return pd.DataFrame(rows, columns=["question", "answered", "of", "share"])


def _outcomes(joined: Joined, confidence: float, scale: tuple[float, float]) -> pd.DataFrame:
    import pandas as pd

    said = joined.said
    gained = said["after"] - said["before"]
    planned = np.where(said["planned"] > 0, said["planned"], np.nan)
    rows = []
    anything = float("inf")
    for name, values, within in (
        ("rating", said["rating"], scale),
        ("gain in self-rating", gained, (-anything, anything)),
        ("share of meetings held", said["held"] / planned, (0.0, anything)),
    ):
        known = values[~np.isnan(values)]
        if known.size:
            rows.append((name, known.size, *mean_interval(known, confidence, within)))
    stayed = said["retained"][~np.isnan(said["retained"])]
    if stayed.size:
        n_yes = int((stayed >= 0.5).sum())
        rows.append(("retained", stayed.size, *share_interval(n_yes, stayed.size, confidence)))
    return pd.DataFrame(rows, columns=["outcome", "n", "value", "low", "high"])


def _deciles(joined: Joined, confidence: float, scale: tuple[float, float]) -> pd.DataFrame:
    import pandas as pd

    rating = joined.said["rating"]
    rated = np.flatnonzero(~np.isnan(rating))
    order = rated[np.argsort(joined.score[rated], kind="stable")]
    rows = []
    for number, part in enumerate(np.array_split(order, min(10, len(order)) or 1), 1):
        if part.size:
            ends = float(joined.score[part[0]]), float(joined.score[part[-1]])
            found = mean_interval(rating[part], confidence, scale)
            rows.append((number, part.size, *ends, *found))
    columns = ["decile", "n", "score_from", "score_to", "rating", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def _correlations(
    joined: Joined, names: tuple[str, ...], confidence: float, seed: int
) -> pd.DataFrame:
    import pandas as pd

    rating = joined.said["rating"]
    rated = ~np.isnan(rating)
    y = rating[rated]
    x = np.column_stack([joined.given, joined.score])[rated]
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, max(1, len(y)), (_RESAMPLES, len(y))) if len(y) > 2 else None
    rows = []
    for name, column in zip((*names, "score"), x.T, strict=True):
        value = _correlate(column, y) if len(y) > 2 else float("nan")  # two are on a line
        low = high = float("nan")
        if draws is not None:
            found = np.array([_correlate(column[draw], y[draw]) for draw in draws])
            found = found[~np.isnan(found)]
            if found.size > _RESAMPLES // 2:
                ends = np.quantile(found, [(1 - confidence) / 2, (1 + confidence) / 2])
                low, high = float(ends[0]), float(ends[1])
        rows.append((name, len(y), value, low, high))
    return pd.DataFrame(rows, columns=["criterion", "n", "correlation", "low", "high"])


def _correlate(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return Pearson's correlation; NaN where one side does not vary."""
    a, b = x - x.mean() if len(x) else x, y - y.mean() if len(y) else y
    size = sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / size if size > 1e-12 else float("nan")
