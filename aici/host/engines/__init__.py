"""One file an engine; each imports its library lazily."""
