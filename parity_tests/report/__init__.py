"""What a report looks like: in a terminal, as JSON, as JUnit."""
