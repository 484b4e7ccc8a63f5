"""Cornflow's own cutover: its Flask application and its port, joined for `cutover`. The shape any team's folder has."""
