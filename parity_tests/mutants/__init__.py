"""Bugs that are planted, to see which part of the comparison finds them."""
