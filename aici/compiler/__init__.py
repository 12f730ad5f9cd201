"""Source text to `Program`: parse, check, resolve, lower, assemble. May import `aici.grammar`, the data side of
`aici.vm` (isa, program, encode, verify) and `aici.diagnostics`; never the machine, never `aici.host`."""
