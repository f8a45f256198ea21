"""What could not be read, in words: why, and the command that mends it."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from dbtune.identifier import QualifiedName, quote_identifier
from dbtune.snapshot.model import NotCollected

STATISTICS = "column statistics"
STATEMENTS = "statements"


def failed(what: str, error: psycopg.Error) -> NotCollected:
    """A query was refused or took too long."""
    said = error.diag.message_primary or str(error)
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return NotCollected(what, f"Another session holds a lock: {said}.", "Collect again later.")
    if isinstance(error, psycopg.errors.QueryCanceled):
        return NotCollected(what, f"The query took too long: {said}.", "Collect at a quieter time.")
    return NotCollected(what, f"The server refused: {said}.")


def locked(relations: Sequence[QualifiedName]) -> NotCollected:
    """ACCESS EXCLUSIVE locks stand in the way of sizes and definitions."""
    return NotCollected(
        f"size and expressions of {_some(relations)}",
        "Another session holds or awaits an ACCESS EXCLUSIVE lock. The size is taken from "
        "relpages; defaults, checks, policies, view definitions, extended statistics, and indexes "
        "that are partial or on expressions, are left out.",
        "Collect again when that session is done.",
    )


def hidden_statistics(role: str, relations: Sequence[QualifiedName], major: int) -> NotCollected:
    """pg_stats shows nothing of columns that the role may not SELECT."""
    grantee = quote_identifier(role)
    if major >= 14:
        remedy = f"GRANT pg_read_all_data TO {grantee}"
    else:
        schemas = sorted({relation.schema for relation in relations})
        remedy = "; ".join(
            f"GRANT USAGE ON SCHEMA {quote_identifier(s)} TO {grantee}; "
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {quote_identifier(s)} TO {grantee}"
            for s in schemas
        )
    return NotCollected(
        f"{STATISTICS} of {_some(relations)}",
        f"Role {role} may not SELECT there, so pg_stats shows it nothing.",
        remedy,
    )


def row_security(role: str, relations: Sequence[QualifiedName]) -> NotCollected:
    """pg_stats shows nothing of relations whose row security applies to the role."""
    return NotCollected(
        f"{STATISTICS} of {_some(relations)}",
        f"Row security applies to role {role} there, so pg_stats shows it nothing.",
        f"ALTER ROLE {quote_identifier(role)} BYPASSRLS",
    )


def no_extension(*, preloaded: bool) -> NotCollected:
    """pg_stat_statements is not installed in this database."""
    create = "CREATE EXTENSION pg_stat_statements"
    if preloaded:
        return NotCollected(
            STATEMENTS, "pg_stat_statements is not installed in this database.", create
        )
    return NotCollected(
        STATEMENTS,
        "pg_stat_statements is neither loaded by the server nor installed in this database.",
        "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements' (keep what is listed "
        f"there already), restart the server, then: {create}",
    )


def not_preloaded(error: psycopg.Error) -> NotCollected:
    """The extension is installed, but the server does not load its library."""
    return NotCollected(
        STATEMENTS,
        f"pg_stat_statements is installed but cannot be read: {error.diag.message_primary}.",
        "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements' (keep what is listed "
        "there already), and restart the server",
    )


def foreign_encoding(error: psycopg.Error, schema: str) -> NotCollected:
    """The server converts the texts of all its databases, and fails at the first it cannot."""
    return NotCollected(
        STATEMENTS,
        "Another database of this server has statements in an encoding that cannot be converted "
        f"to this one's: {error.diag.message_primary}. The remedy forgets those databases' "
        "statements.",
        f"SELECT {quote_identifier(schema)}.pg_stat_statements_reset(0, d.oid, 0) "
        "FROM pg_database d JOIN pg_database here ON here.datname = current_database() "
        "WHERE d.encoding <> here.encoding",
    )


def hidden_texts(role: str, count: int, share: float) -> NotCollected:
    """Other roles' statements are hidden from roles without pg_read_all_stats."""
    return NotCollected(
        f"texts of {count} statements",
        f"Role {role} may not see other roles' statements; they hold {share:.0%} of the "
        "execution time.",
        f"GRANT pg_read_all_stats TO {quote_identifier(role)}",
        share,
    )


def _some(relations: Sequence[QualifiedName], shown: int = 5) -> str:
    names = ", ".join(str(relation) for relation in relations[:shown])
    more = len(relations) - shown
    return f"{names} and {more} more relations" if more > 0 else names
