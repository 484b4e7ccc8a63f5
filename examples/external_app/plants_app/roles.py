"""The roles Cornflow does not have. Their numbers are stored, so they never change."""

from cornflow_f.constants import Action
from cornflow_f.external import CustomRole

DISPATCHER = CustomRole(100, (Action.GET, Action.PUT), name="dispatcher")
"""Reads plants and changes what they can do, makes none."""
