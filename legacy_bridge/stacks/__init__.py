"""A stack as an ASGI application: in this process, behind an address, and what WSGI adapters get wrong put right."""
