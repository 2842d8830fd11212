"""The query-router: takes documents in, finds passages, answers questions; its three methods are Haystack
pipelines.

README.md beside this file describes the HTTP interface, the settings, and what differs from the original
service.
"""
