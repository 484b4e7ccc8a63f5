"""Three tellings of one API: the legacy's Swagger, the port's OpenAPI, and what was observed."""
