"""The lending library on FastAPI: the port."""
