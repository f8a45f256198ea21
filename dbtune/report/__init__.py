"""The report: one value, and one file per output format in `formats/`."""
