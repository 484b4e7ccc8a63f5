"""The second call of a pair, off the client's path: queued, isolated, compared, counted.

`observer.ShadowObserver` is what the bridge calls; what to ask and how to compare is a `Comparer`'s,
which the assembly of two applications provides. docs/shadow.md tells the whole.
"""

from legacy_bridge.shadow.limits import Limits
from legacy_bridge.shadow.observer import ShadowObserver
from legacy_bridge.shadow.verdict import Comparer, PairOutcome, PairVerdict

__all__ = ["Comparer", "Limits", "PairOutcome", "PairVerdict", "ShadowObserver"]
