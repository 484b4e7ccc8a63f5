"""What happens, without HTTP, one noun per file."""
