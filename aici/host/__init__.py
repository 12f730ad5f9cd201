"""Joins the VM, the masks and an engine: sessions, scheduling, sampling, results. Does not know the compiler."""
