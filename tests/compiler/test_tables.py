"""The kept parser tables belong to the grammar, and every rule of the grammar has a meaning."""

import logging
from importlib import resources

import pytest
from lark import logger

from aici.compiler import tables
from aici.compiler.build import ACTIONS

GRAMMAR = resources.files("aici.grammar").joinpath("controller.lark").read_text("utf-8")
KEPT = resources.files("aici.grammar").joinpath("controller.json").read_text("utf-8")


def test_kept_copy_is_up_to_date() -> None:
    """After a change of the grammar: python -m aici.compiler.tables"""
    assert tables.dump(tables.build(GRAMMAR)) == KEPT


def test_dump_and_load() -> None:
    assert tables.dump(tables.load(KEPT)) == KEPT
    assert tables.tables() == tables.load(KEPT)


def test_grammar_without_kept_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_COPY", "no such file")
    assert tables.tables.__wrapped__() == tables.load(KEPT)


def test_grammar_has_no_conflicts(caplog: pytest.LogCaptureFixture) -> None:
    logger.setLevel(logging.DEBUG)
    logger.addHandler(caplog.handler)
    try:
        tables.build(GRAMMAR)
        assert not caplog.records
        tables.build('module: _a\n_a: "x" | _a "," _a')
        assert "onflict" in caplog.text
    finally:
        logger.removeHandler(caplog.handler)
        logger.setLevel(logging.CRITICAL)


def test_every_rule_has_an_action() -> None:
    made = {p.action for p in tables.tables().productions if not p.pours and not p.collapse}
    assert made == set(ACTIONS)
