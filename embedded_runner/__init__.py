"""A single-machine stand-in for Airflow: the REST calls that Cornflow makes, solved on this machine."""
