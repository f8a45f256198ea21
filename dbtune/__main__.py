"""`python -m dbtune`."""

from dbtune.cli import main

main()
