"""The APIs described: for programs as OpenAPI 3.1, for people as a page made of the same."""
