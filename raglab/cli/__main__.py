"""``python -m raglab.cli``: the ``raglab`` command where it is not installed."""

from raglab.cli import main

main()
