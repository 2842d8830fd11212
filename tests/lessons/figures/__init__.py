"""Tests of the drawings in ``figures``: what they say, how they look, and where they are shown."""
