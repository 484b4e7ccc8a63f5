"""Real servers on loopback that stacks talk to, for journeys and for tests."""
