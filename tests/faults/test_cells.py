"""Which cells are run when not all are."""

from __future__ import annotations

from tests.faults.cells import ACTS, matrix, mixed


def test_the_first_few_are_of_every_kind() -> None:
    """Both programs, the pointsman and its parent; a switch that goes well, the way back, and a migration."""
    kinds = {(cell.role, cell.change) for cell in matrix()}
    assert {(cell.role, cell.change) for cell in mixed()[:8]} == kinds


def test_none_is_left_out() -> None:
    """And none is there twice: each place is hit by each act."""
    assert sorted(mixed()) == sorted(set(matrix()))
    assert {cell.act for cell in mixed()} == set(ACTS)
