"""What all workers have counted, and what it says about an operation."""
