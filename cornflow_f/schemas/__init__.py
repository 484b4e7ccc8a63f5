"""What requests and replies look like, one noun per file."""
