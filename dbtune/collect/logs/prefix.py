"""log_line_prefix as a regular expression: what each line of a stderr log begins with."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SEVERITY = (
    r"(?P<severity>DEBUG\d?|INFO|NOTICE|WARNING|LOG|ERROR|FATAL|PANIC"
    r"|DETAIL|HINT|QUERY|CONTEXT|LOCATION|STATEMENT|BACKTRACE):\s{1,2}"
)
_TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"

# The escapes of log_line_prefix, PostgreSQL's manual, section "What to Log".
_ESCAPES = {
    "a": r"(?P<application>.*?)",
    "u": r"\S*?",
    "d": r"\S*?",
    "r": r"\S*?",
    "h": r"\S*?",
    "L": r"\S*?",
    "b": r".*?",
    "p": r"(?P<pid>\d+)",
    "P": r"\d*",
    "t": rf"(?P<at>{_TIME}) [^\s\]]+?",
    "m": rf"(?P<at>{_TIME}\.\d+) [^\s\]]+?",
    "n": r"(?P<epoch>\d+\.\d+)",
    "Q": r"-?\d+",
    "i": r".*?",
    "e": r"(?P<sqlstate>\w{5})",
    "c": r"(?P<session>[0-9a-f]+\.[0-9a-f]+)",
    "l": r"(?P<line>\d+)",
    "s": rf"{_TIME} \S+?",
    "v": r"(?P<transaction>\d*/?\d*)",
    "x": r"\d+",
    "%": "%",
}
_ESCAPE = re.compile(r"%(-?\d+)?(.)")

# Tried in this order when nobody tells the prefix.
USUAL_PREFIXES = (
    "%m [%p] %q%u@%d ",
    "%m [%p] ",
    "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%m [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%t:%r:%u@%d:[%p]:",
    "%m:%r:%u@%d:[%p]:",
    "%t [%p-%l] %q%u@%d ",
    "%m [%p-%l] %q%u@%d ",
)
# What looks like a time and a process id: one that is named or in brackets, wherever it stands,
# else one after the time.
_ANY_TIME = rf"(?P<at>{_TIME}(?:\.\d+)?)"
_ANY_PREFIXES = (
    re.compile(
        rf"^(?=(?:.*?{_ANY_TIME})?).*?(?:\bpid\s?[=:]\s?|\[)(?P<pid>\d{{1,7}})\b.*?{_SEVERITY}"
    ),
    re.compile(rf"^(?:.*?{_ANY_TIME})?(?:.*?[\[:= (](?P<pid>\d{{2,7}})[\]:, )-])?.*?{_SEVERITY}"),
)


def line_pattern(prefix: str) -> re.Pattern[str]:
    """The pattern of a line's beginning up to the message, for one log_line_prefix."""
    parts = ["^"]
    optional = False
    seen: set[str] = set()
    at = 0
    for escape in _ESCAPE.finditer(prefix):
        parts.append(re.escape(prefix[at : escape.start()]))
        padding, letter = escape.groups()
        if letter == "q":
            parts.append("(?:")  # what follows is left out by processes without a session
            optional = True
        else:
            parts.append(_escaped(letter, padded=bool(padding), seen=seen))
        at = escape.end()
    parts.append(re.escape(prefix[at:]))
    if optional:
        parts.append(")?")
    return re.compile("".join(parts) + r"\s*" + _SEVERITY)


def guess_pattern(lines: Sequence[str]) -> re.Pattern[str]:
    """The usual prefix that fits most of the lines, when nobody knows the setting."""
    patterns = [line_pattern(prefix) for prefix in USUAL_PREFIXES]
    fits = [sum(1 for line in lines if pattern.match(line)) for pattern in patterns]
    named, loose = (sum(1 for line in lines if pattern.match(line)) for pattern in _ANY_PREFIXES)
    best = max(range(len(patterns)), key=lambda number: (fits[number], -number))
    if fits[best] and fits[best] >= 0.9 * loose:
        return patterns[best]
    return _ANY_PREFIXES[0 if named >= 0.9 * loose else 1]


def _escaped(letter: str, *, padded: bool, seen: set[str]) -> str:
    pattern = _ESCAPES.get(letter, "")
    named = re.search(r"\?P<(\w+)>", pattern)
    if named and named.group(1) in seen:  # %t and %m together, say
        pattern = pattern.replace(named.group(0), "?:")
    elif named:
        seen.add(named.group(1))
    return rf"\s*{pattern}\s*" if padded else pattern
