"""One request on its way: matched, decided, sent to a stack, marked, counted."""
