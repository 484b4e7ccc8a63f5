"""The house itself under test: import contracts, public names, where a newcomer looks."""
