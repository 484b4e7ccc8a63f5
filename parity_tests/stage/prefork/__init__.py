"""Starts of Python programs without their imports: a process imports libraries once and is forked for each start."""
