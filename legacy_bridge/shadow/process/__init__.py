"""The process that makes the second call of a pair, and how it is spoken to."""
