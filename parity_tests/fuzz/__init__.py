"""Sequences of requests that nobody wrote: drawn, played on both stacks, shrunk, saved."""
