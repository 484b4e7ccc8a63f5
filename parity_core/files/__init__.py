"""Files that a person writes: read, validated by Pydantic, refused in one sentence. The core's only room with a library."""
