"""What an operation is, which operation a request is, and who implements each (the census)."""
