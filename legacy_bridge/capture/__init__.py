"""Live traffic written to capture files, masked and bounded."""
