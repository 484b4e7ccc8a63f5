"""The next move of a ramp: what its evidence says to do now."""

from enum import StrEnum
from typing import NamedTuple

from legacy_bridge.evidence.judge import BudgetJudgement, BudgetVerdict
from legacy_bridge.modes.state import Ramp, RampState


class Move(StrEnum):
    STAY = "stay"
    NEXT = "next"
    FINISH = "finish"
    BACK = "back"


class Next(NamedTuple):
    move: Move
    why: str


def next_move(ramp: Ramp, judgement: BudgetJudgement, samples: int, now: float) -> Next:
    """`samples`: replies of the port in this step. A breach goes back even while paused."""
    if not ramp.state.live:
        return Next(Move.STAY, f"the ramp is {ramp.state}")
    if judgement.verdict is BudgetVerdict.BREACH:
        return Next(Move.BACK, judgement.reason)
    if ramp.state is RampState.PAUSED:
        return Next(Move.STAY, "paused by an operator")
    if samples < ramp.samples:
        return Next(Move.STAY, f"{samples} of {ramp.samples} samples of this step")
    left = ramp.since + ramp.seconds - now
    if left > 0:
        return Next(Move.STAY, f"{left:.0f} s of this step are left")
    if judgement.verdict is BudgetVerdict.INCONCLUSIVE:
        return Next(Move.STAY, f"inconclusive: {judgement.reason}")
    if ramp.step + 1 < len(ramp.steps):
        return Next(Move.NEXT, f"{samples} samples in {now - ramp.since:.0f} s, within the budget")
    return Next(Move.FINISH, f"{samples} samples in {now - ramp.since:.0f} s, within the budget")
