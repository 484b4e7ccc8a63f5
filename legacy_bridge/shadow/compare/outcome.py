"""What a comparison of a pair has found, and how it is told."""

from dataclasses import dataclass, replace

from legacy_bridge.operations.operation import Stack
from legacy_bridge.shadow.compare.side import PairSide, example
from legacy_bridge.shadow.contract import ClientExchange
from legacy_bridge.shadow.verdict import PairOutcome, PairVerdict, Reason
from parity_core.compare.live import Difference


@dataclass(frozen=True, slots=True)
class ComparedPair:
    """A pair with what differs in it."""

    legacy: PairSide
    ported: PairSide
    differences: list[Difference]
    if_quiet: bool = False
    """It can't be made sure here that nobody wrote between the two answers."""

    @property
    def verdict(self) -> PairVerdict:
        return PairVerdict.DIFFERENT if self.differences else PairVerdict.SAME


def if_quiet_only(pair: ComparedPair) -> ComparedPair:
    return replace(pair, if_quiet=True)


def outcome_of(exchange: ClientExchange, pair: ComparedPair) -> PairOutcome:
    if pair.legacy.answer.unavailable or pair.ported.answer.unavailable:
        return PairOutcome(PairVerdict.INCONCLUSIVE, Reason.UNAVAILABLE)
    compared = pair.ported if exchange.compared is Stack.PORTED else pair.legacy
    shown = (
        example(exchange, pair.differences, pair.legacy, pair.ported) if pair.differences else None
    )
    return PairOutcome(
        pair.verdict,
        status=compared.answer.status,
        seconds=compared.answer.seconds,
        example=shown,
        if_quiet=pair.if_quiet,
    )
