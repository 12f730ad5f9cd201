"""The bytecode format and the machine that runs it. Imports nothing of the project but `aici.diagnostics`."""
