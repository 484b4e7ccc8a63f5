"""Mutants that rules make of every file of the port: a sample of them, tried where they are reached."""
