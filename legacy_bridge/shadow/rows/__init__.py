"""The rows a call reads and writes: recorded, kept from the database, undone."""
