"""The web page of the RAG application: chat with and without documents, and the documents themselves.

README.md beside this file describes page, HTTP interface and settings, and why it is made of these parts.
"""
