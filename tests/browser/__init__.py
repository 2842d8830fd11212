"""Tests of pages in a real browser: `chromium` finds or fetches one, `page` drives it.

The fixture ``browser`` in ``tests/conftest.py`` starts it once per test run.
"""
