"""How Cornflow's live pairs are compared: what a call may touch, what leaves the process, what else writes meanwhile."""
