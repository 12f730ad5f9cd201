"""Parts of `bench/masks.py`: patterns, vocabularies, peers."""
