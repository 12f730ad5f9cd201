"""The controller's `re`: patterns, matches and functions of CPython's module, on the linear matcher of `vm.regex`.

Imports the files of it, for the effect of registering what they define.
"""

from __future__ import annotations

from aici.vm.modules import re_match, re_pattern, re_replace, re_search

__all__ = ["re_match", "re_pattern", "re_replace", "re_search"]
