"""Holes of the legacy that the bridge refuses while the legacy still answers: declared as data, run before it is asked."""
