"""The distributions: what is in them, what they ask for, and (by `python -m tests.packages`) that each installs alone."""
