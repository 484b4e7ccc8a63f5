"""The legacy against itself: what differs without any port, learned as rules with a date."""
