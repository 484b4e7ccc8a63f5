"""Sequences with a plan: sweeps of a field, crowds, repetitions, dependants."""
