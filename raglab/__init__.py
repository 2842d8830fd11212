"""raglab: a course on running retrieval-augmented generation in production, and the small cluster it runs on."""

__version__ = "0.1.0"
