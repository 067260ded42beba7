"""All rows; one module for each part of the acceptance list."""

from tests.mutants import (
    rows_abort,
    rows_connection,
    rows_conversation,
    rows_exchange,
    rows_failure,
    rows_handlers,
    rows_kill,
    rows_life,
    rows_reload,
    rows_websocket,
)
from tests.mutants.runner import Mutant

__all__ = ["MUTANTS"]

MUTANTS: tuple[Mutant, ...] = (
    *rows_life.MUTANTS,
    *rows_connection.MUTANTS,
    *rows_exchange.MUTANTS,
    *rows_failure.MUTANTS,
    *rows_kill.MUTANTS,
    *rows_handlers.MUTANTS,
    *rows_abort.MUTANTS,
    *rows_websocket.MUTANTS,
    *rows_conversation.MUTANTS,
    *rows_reload.MUTANTS,
)
