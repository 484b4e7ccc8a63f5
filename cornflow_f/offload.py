"""Work on large documents leaves the event loop; on small ones a thread would cost more than it saves."""

import asyncio
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

_ENOUGH_NODES = 1_000
_ENOUGH_CHARACTERS = 64 * 1024

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def is_heavy(document: Any) -> bool:
    """Whether a decoded JSON document is large. Looks at no more than it needs to say yes."""
    nodes = characters = 0
    pending = [document]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            children: Any = node.values()
        elif isinstance(node, list):
            children = node
        else:
            if isinstance(node, str):
                characters += len(node)
                if characters > _ENOUGH_CHARACTERS:
                    return True
            continue
        nodes += len(node)
        if nodes > _ENOUGH_NODES:
            return True
        pending.extend(children)
    return False


def is_long(text: str) -> bool:
    """Whether a document given as its text is large."""
    return len(text) > _ENOUGH_CHARACTERS


async def offload_if(
    heavy: bool,
    function: Callable[Parameters, Result],
    *args: Parameters.args,
    **kwargs: Parameters.kwargs,
) -> Result:
    """Calls `function`, in a thread when the work is heavy."""
    if heavy:
        return await asyncio.to_thread(function, *args, **kwargs)
    return function(*args, **kwargs)
