"""Faults while clients write: full disk, restarts, kills, hangs, jumping clocks. What was lost or doubled?"""
