"""Bodies of requests and replies, one noun per file."""
