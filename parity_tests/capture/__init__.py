"""Recorded traffic: read, imported, put in order, and replayed on both stacks."""
