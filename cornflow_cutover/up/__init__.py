"""`cutover up`: both stacks on an embedded database, solving, with parity replayed beside them."""
