"""One file per output format of a benchmark: `render(benchmark) -> str` and the file's `NAME`."""
