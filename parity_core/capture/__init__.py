"""The files of recorded traffic: what the bridge writes, the comparison replays, and neither owns."""
