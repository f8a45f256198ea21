"""HTML pages from the shipped templates: self-contained, autoescaped, closed by a strict CSP.

A page carries its style and script inline; the Content-Security-Policy names both by hash and
allows nothing else, so that not even markup that escaped the escaping could load or run.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any

from dbtune.resources import templates_dir
from dbtune.typeset import figures, foreign

if TYPE_CHECKING:
    from jinja2 import Environment


def page(template: str, **values: Any) -> str:
    """The page that a template of `reports/templates/` makes of the values.

    The template extends `base.html`. Filters: bytes, count, ms, percent, times, block, one_line.
    """
    from markupsafe import Markup  # noqa: PLC0415 - HTML is only sometimes asked for

    style, script = _file("style.css"), _file("script.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    environment = _environment()
    text = environment.get_template(template).render(
        style=Markup(style),
        script=Markup(script),
        policy=Markup(policy),
        **values,
    )
    return text.rstrip() + "\n"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    environment = Environment(
        loader=FileSystemLoader(templates_dir()),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "block": foreign.block,
        "bytes": figures.bytes_text,
        "count": figures.count_text,
        "ms": figures.ms_text,
        "number_of": figures.number_of,
        "one_line": foreign.one_line,
        "percent": figures.percent_text,
        "times": figures.times_text,
        "visible": foreign.visible,
    }
    return environment


@cache
def _file(name: str) -> str:
    return (templates_dir() / name).read_text(encoding="utf-8").strip()


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
