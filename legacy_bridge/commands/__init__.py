"""Commands of `cutover`, one file for each family."""
