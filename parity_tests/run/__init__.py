"""Journeys played on both stacks and compared: the use case behind `parity run`."""
