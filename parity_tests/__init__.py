"""Replays the same requests on two stacks and compares replies and database rows."""
