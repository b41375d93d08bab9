"""How an even sample is drawn from a table of PostgreSQL without reading all of it where it is large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from semascope.subject.sql import quoted

_CHEAP = 256 << 20  # bytes of a table (without what is stored apart) that are counted and scanned in about a second
_SCAN = 4 << 30  # bytes up to which every page is visited
_SPARE = 1.2  # a share is drawn, not a number of rows: so much more, so that there are enough


@dataclass(frozen=True)
class Table:
    """A table, a view or the like, as the catalogue has it."""

    oid: int
    schema: str
    table: str
    kind: str  # r table, p partitioned table, v view, m materialized view, f foreign table
    estimate: float  # rows, by the last ANALYZE; below 0 where there was none
    visible: bool

    @property
    def whole(self) -> str:
        """Its name with its schema."""
        return f"{self.schema}.{self.table}"

    @property
    def name(self) -> str:
        """As one asks for it."""
        return self.table if self.visible else self.whole

    @property
    def sql(self) -> str:
        """Its name in a statement."""
        return f"{quoted(self.schema)}.{quoted(self.table)}"


@dataclass(frozen=True)
class Draw:
    """Where the rows of a sample come from.

    Args:
        source: What stands behind FROM.
        how: What the server is asked to leave out, in words.
        total: Rows of the whole; None where only reading all of them tells.
        what: It is called so.
        counted: Whether `total` was counted and not estimated.
    """

    source: str
    how: str
    total: int | None
    what: str
    counted: bool = False

    def told(self, kept: int) -> str:
        """How so many rows were drawn."""
        of = f"{self.total:,} rows (counted)" if self.counted else f"about {self.total:,} rows (the planner's estimate)"
        return f"{kept:,} of {of}, {self.how}"


def draw_of(connection: Any, table: Table, most: int | None, seed: int) -> Draw:
    """How to draw: a table of a few times the sample is read, a larger one is sampled by the server.

    BERNOULLI visits every page and draws rows one by one; past 4 GB SYSTEM draws whole pages, whose rows were often
    written together, which is said.
    """
    everything = Draw(f"{table.sql} AS q", "", None, table.name)
    if most is None or table.kind not in ("r", "p", "m"):
        return everything
    # Of a partitioned table the parts; the main fork alone, since long values such as vectors are stored apart.
    size, estimate = connection.execute(
        "SELECT coalesce(sum(pg_relation_size(c.oid)), 0)::int8, "
        "CASE WHEN bool_or(c.reltuples < 0) THEN -1 ELSE sum(c.reltuples) END::float8 "
        "FROM pg_class c WHERE c.relkind IN ('r', 'm') AND c.oid IN "
        "(SELECT relid FROM pg_partition_tree(%(oid)s) UNION SELECT %(oid)s)",
        {"oid": table.oid},
    ).fetchone()
    counted = size <= (_SCAN if estimate < 0 else _CHEAP)
    if estimate < 0 and not counted:
        plan = connection.execute(f"EXPLAIN (FORMAT JSON) SELECT 1 FROM {table.sql}").fetchone()[0]  # noqa: S608 (quoted)
        estimate = plan[0]["Plan"]["Plan Rows"]
    elif counted:
        estimate = connection.execute(f"SELECT count(*) FROM {table.sql}").fetchone()[0]  # noqa: S608 (quoted)
    total = int(estimate)
    if total <= 3 * most:
        return everything
    share = min(100.0, 100.0 * _SPARE * most / total + 0.001)
    method = "BERNOULLI" if size <= _SCAN else "SYSTEM"
    how = f"drawn by TABLESAMPLE {method} ({share:.3g} %)"
    if method == "SYSTEM":
        how += ": whole pages, so rows that were written together come together"
    source = f"{table.sql} AS q TABLESAMPLE {method} ({share:.6f}) REPEATABLE ({int(seed)})"
    return Draw(source, how, total, table.name, counted)
