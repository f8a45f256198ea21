"""stderr and syslog text as records: prefixes read, continuation lines and details joined."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

_SYSLOG = re.compile(
    r"^(?:<\d+>\d?\s*)?(?P<at>\w{3} +\d+ \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) \S+ "
    r"[\w./-]+\[(?P<pid>\d+)\]:(?: \[(?P<number>\d+)-(?P<part>\d+)\])? ?"
)
_EPOCH = "1970-01-01 00:00:00.000"
_MAX_LINES_OF_ENTRY = 20_000
_MAX_OPEN = 1_000
_LONGEST = 300_000
"""Characters of a message or detail: nobody takes more, and the engine reads rows of 4 MB."""


@dataclass(slots=True)
class Record:
    """One log entry as it grows line by line."""

    session: str
    line: int
    at: str
    transaction: str
    application: str
    severity: str
    sqlstate: str
    message: list[str]
    detail: list[str] = field(default_factory=list)

    def row(self) -> tuple[str, ...]:
        """The columns of the raw entries, in their order."""
        return (
            self.session, str(self.line), self.at, self.transaction, self.application,
            self.severity, self.sqlstate,
            "".join(self.message)[:_LONGEST], "".join(self.detail)[:_LONGEST],
        )  # fmt: skip


class Records:
    """The records of a text log, in order; `damaged_lines` counts lines that fit nowhere.

    Lines of several processes interleave, so a DETAIL belongs to the last entry of its process.
    """

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern
        self._open: dict[str, Record] = {}
        self._last: list[str] | None = None
        self._number = 0
        self.damaged_lines = 0
        self.lines = 0
        self.has_no_session = False

    def read(self, lines: Iterable[str]) -> Iterator[Record]:
        """Finished records; the last line of each process comes at the end."""
        for line in lines:
            self.lines += 1
            yield from self._take(line)
        yield from self._open.values()
        self._open.clear()

    def _take(self, line: str) -> Iterator[Record]:
        syslog = _SYSLOG.match(line)
        text = line[syslog.end() :] if syslog else line
        begun = self._pattern.match(text)
        if not begun:
            self._continue(text, split=bool(syslog))
            return
        found = begun.groupdict()
        session = found.get("session") or found.get("pid") or (syslog and syslog["pid"]) or ""
        rest = text[begun.end() :]
        severity = found["severity"]
        record = self._open.get(session)
        if severity == "DETAIL" and record:
            record.detail = [rest]
            self._last = record.detail
        elif severity in ("HINT", "QUERY", "CONTEXT", "LOCATION", "STATEMENT", "BACKTRACE"):
            self._last = []
        else:
            if record:
                yield record
            elif len(self._open) >= _MAX_OPEN:
                yield self._open.pop(next(iter(self._open)))
            self._begin(session, severity, rest, found, syslog["at"] if syslog else None)

    def _begin(
        self, session: str, severity: str, text: str, found: dict[str, str | None], at: str | None
    ) -> None:
        self._number += 1
        self.has_no_session |= not session
        record = Record(
            session=session or f"line {self._number}",
            line=self._number,
            at=_time(found.get("at"), found.get("epoch"), at),
            transaction=found.get("transaction") or "",
            application=found.get("application") or "",
            severity=severity,
            sqlstate=found.get("sqlstate") or "",
            message=[text],
        )
        self._open.pop(session, None)
        self._open[session] = record
        self._last = record.message

    def _continue(self, text: str, *, split: bool) -> None:
        if self._last is None:
            self.damaged_lines += 1
            return
        if text.startswith("#011"):
            text = "\t" + text[4:]
        elif not text.startswith("\t") and not split:
            self.damaged_lines += 1
            return
        if len(self._last) > _MAX_LINES_OF_ENTRY:
            self.damaged_lines += 1
        else:
            self._last.append("\n" + text[1:] if text.startswith("\t") else text)


def _time(at: str | None, epoch: str | None, syslog: str | None) -> str:
    """The entry's time as `YYYY-MM-DD HH:MM:SS.mmm`; syslog's own has no year and is kept so."""
    if at:
        return at if "." in at else at + ".000"
    if epoch:
        return datetime.fromtimestamp(float(epoch), UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:23]
    if syslog and "T" in syslog:
        return syslog.replace("T", " ")[:23]
    if syslog:
        try:
            read = datetime.strptime(f"1972 {syslog}", "%Y %b %d %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            return _EPOCH
        return read.strftime("%Y-%m-%d %H:%M:%S.000")
    return _EPOCH
