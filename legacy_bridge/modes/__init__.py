"""Who answers what: modes, canaries, ramps and budgets, stored once for every worker."""
