"""Input checked with the legacy's rules and words: fields, passwords, JSON Schema."""
