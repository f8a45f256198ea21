"""Statement shapes: the logs' texts named by fingerprint, numbered, told apart by their part."""

from __future__ import annotations

import re

from dbtune.collect.logs.classify import classify
from dbtune.collect.logs.engine import Engine
from dbtune.statement.fingerprint import fingerprint

TEXTS_MOST = 20_000
"""An application has hundreds of shapes; what is called least of a log beyond this is left out."""

TEXTS_MOST_BYTES = 32_000_000


def number_shapes(engine: Engine) -> int:
    """Number the distinct shapes; texts with one fingerprint share a number.

    Returns how many executions were left out, because their texts are too many to be shapes.
    """
    numbers: dict[str, int] = {}
    shown: list[str] = []
    keys: list[int] = []
    shapes: list[int] = []
    for key, text in engine.stream(_TEXTS):
        name = fingerprint(text)
        if name not in numbers:
            numbers[name] = len(shown)
            shown.append(_numbered(text))
        keys.append(key)
        shapes.append(numbers[name])
    classes = [classify(text) for text in shown]
    engine.rows(
        "CREATE TABLE shape_name AS SELECT unnest(?::VARCHAR[]) AS fingerprint,"
        " unnest(?::INTEGER[]) AS number, unnest(?::VARCHAR[]) AS text",
        list(numbers), list(numbers.values()), shown,
    )  # fmt: skip
    engine.rows(
        "CREATE TABLE shape AS SELECT unnest(?::UBIGINT[]) AS text_hash,"
        " unnest(?::INTEGER[]) AS number, unnest(?::VARCHAR[]) AS class",
        keys, shapes, [classes[number] for number in shapes],
    )  # fmt: skip
    ((left_out,),) = engine.rows(
        "SELECT count(*) FROM entry ANTI JOIN shape USING (text_hash) WHERE text_hash IS NOT NULL"
    )
    return int(left_out)


# The most frequent texts first. A limit on top keeps little in memory, which an order alone would.
_TEXTS = f"""
WITH counted AS (
    SELECT text_hash, count(*) AS calls, min(entry.rowid) AS first_at
    FROM entry WHERE text_hash IS NOT NULL GROUP BY text_hash
    ORDER BY calls DESC, text_hash LIMIT {TEXTS_MOST}
), sized AS (
    SELECT counted.text_hash, text,
           sum(strlen(text)) OVER (ORDER BY calls DESC, counted.text_hash) AS bytes
    FROM counted JOIN entry ON entry.rowid = first_at AND entry.text_hash = counted.text_hash
)
SELECT text_hash, text FROM sized
WHERE bytes <= {TEXTS_MOST_BYTES} ORDER BY text, text_hash
"""


def _numbered(text: str) -> str:
    """The text with its placeholders numbered from $1 in order."""
    numbers = iter(range(1, text.count("$0") + 1))
    return re.sub(r"\$0", lambda _: f"${next(numbers)}", text)
