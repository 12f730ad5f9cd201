"""The modules that controller code may import: `aici`, `re`, `json`, `math`."""
