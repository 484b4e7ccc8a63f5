"""Who may do what: every role against every operation, under every setting, on both stacks."""
