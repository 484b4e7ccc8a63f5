"""Servers and pairs of stacks for tests. The servers themselves are `parity_tests.stage.services.servers`."""
