"""Metrics, traces and logs of what the bridge does."""
