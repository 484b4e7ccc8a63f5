"""The shop again, in FastAPI: the port that has to answer as the legacy does."""
