"""One file per output format: its function `render(report, style)` returns the text."""
