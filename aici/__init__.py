"""The names that a controller imports."""

__version__ = "0.1.0"
