"""The library as a Django application: Django looks relations up by installed application."""
