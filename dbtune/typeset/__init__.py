"""Figures and foreign text made fit to read: units, control characters, HTML pages."""
