"""A team's own Flask test suite, run on the legacy and then with its requests answered by the port."""
