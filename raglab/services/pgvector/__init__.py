"""The database pod: the real PostgreSQL 18 with the pgvector extension, with the settings of the usual
container image.

`python -m raglab.services.pgvector` initialises a data folder once and then supervises the server.
"""
