"""Regular expressions to byte automata to token masks. Imports nothing of the project but `aici.diagnostics`."""
