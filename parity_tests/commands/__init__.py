"""Commands of `parity` that live in a module of their own; `parity_tests.cli` registers them."""
