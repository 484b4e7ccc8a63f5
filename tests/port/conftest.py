"""What all tests of the port share."""

from hypothesis import HealthCheck, settings

# The machines are small and busy: a slow draw says nothing about the code.
settings.register_profile("port", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("port")
