"""Mounts a legacy WSGI app beside its ASGI port and moves it over operation by operation."""
