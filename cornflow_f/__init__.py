"""Cornflow's REST API on FastAPI: the port that outlives the legacy."""

__all__ = ["__version__"]

__version__ = "0.1.0"
