"""What must hold: frozen values that validate themselves and print as they were typed."""

from pairmatch.constraints.bound import PairConstraint, Roster, find_rule
from pairmatch.constraints.company import Different, Spread
from pairmatch.constraints.groups import (
    Alike,
    Balance,
    Compose,
    GiveAndReceive,
    NotAlone,
)
from pairmatch.constraints.history import CarryOver, NotAgain
from pairmatch.constraints.ids import find_id, find_places
from pairmatch.constraints.loads import Demand, Load, Quota
from pairmatch.constraints.meetings import Meetings
from pairmatch.constraints.minutes import Minutes
from pairmatch.constraints.observation import Observation
from pairmatch.constraints.pair_rules import bind_pair_rules
from pairmatch.constraints.pairs import EvaluatorPairs, Forbid, MinScore, Pin, Require
from pairmatch.constraints.tiers import Tiers
from pairmatch.constraints.turns import TakeTurns
from pairmatch.constraints.vetoes import Vetoes

__all__ = [
    "Alike",
    "Balance",
    "CarryOver",
    "Compose",
    "Demand",
    "Different",
    "EvaluatorPairs",
    "Forbid",
    "GiveAndReceive",
    "Load",
    "Meetings",
    "MinScore",
    "Minutes",
    "NotAgain",
    "NotAlone",
    "Observation",
    "PairConstraint",
    "Pin",
    "Quota",
    "Require",
    "Roster",
    "Spread",
    "TakeTurns",
    "Tiers",
    "Vetoes",
    "bind_pair_rules",
    "find_id",
    "find_places",
    "find_rule",
]
