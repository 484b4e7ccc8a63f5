"""The HTTP operations, one noun per file: dependencies in, one service call, an object out."""
