"""Is the port as fast as the legacy, operation by operation, and with how many SQL statements?"""
