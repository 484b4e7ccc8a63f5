"""Creates the database or adopts a legacy one: what state it is in, and the steps from there."""
