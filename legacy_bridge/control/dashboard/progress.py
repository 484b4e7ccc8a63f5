"""How far the migration is: operations and traffic by stack, over the last hour."""

import time
from typing import Any

from legacy_bridge.control.overview import status_of
from legacy_bridge.evidence.warden import Warden
from legacy_bridge.modes.ownership import Ownership
from legacy_bridge.operations.operation import Stack

HOUR = 3600


def overview_of(ownership: Ownership, warden: Warden) -> dict[str, Any]:
    """The status with the traffic of each operation and of all. JSON values."""
    status = status_of(ownership, warden)
    now = time.time()
    total = dict.fromkeys(Stack, 0)
    for one in status["operations"]:
        counts = {
            stack: warden.windows.sum(one["operation"], stack, HOUR, now).requests
            for stack in Stack
        }
        one["traffic"] = {stack.value: count for stack, count in counts.items()}
        for stack, count in counts.items():
            total[stack] += count
    requests = sum(total.values())
    return status | {
        "traffic": {
            "seconds": HOUR,
            **{stack.value: count for stack, count in total.items()},
            "ported_share": total[Stack.PORTED] / requests if requests else None,
        },
        "modes": "current" if ownership.trouble is None else "last known",
        "evidence_lag": round(max(0.0, now - warden.looked_at), 1),
        "with_legacy": ownership.with_legacy,
    }
