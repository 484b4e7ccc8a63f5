"""Which requests reach which lines of the port, recorded while it answers; and what none reaches."""
