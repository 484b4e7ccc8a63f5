"""The API's documents: OpenAPI, the legacy's Swagger, and the pages that show them."""
