"""Applications that come with the runner; imported by worker processes only."""
