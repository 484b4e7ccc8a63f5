"""Cornflow as a target of `parity suite`: its doubles and how its tests reach either stack."""
