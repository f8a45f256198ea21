"""A command that takes no option twice which holds one value."""

from __future__ import annotations

from collections import Counter
from typing import Any

from typer import Context
from typer.core import TyperCommand


class Command(TyperCommand):
    """Refuses what would be lost: of two values for one option the last would win, unseen."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Parse the command line; a usage error ends it where a value would be lost."""
        _, _, given = self.make_parser(ctx).parse_args(args=[*args])
        twice = [p for p, times in Counter(given).items() if times > 1 and _holds_one_value(p)]
        if twice:
            ctx.fail(f"{twice[0].opts[0]} is given more than once, and takes one value.")
        return super().parse_args(ctx, args)


def _holds_one_value(parameter: Any) -> bool:
    """True for `--top N`, not for `--format F` (a list), `--json` (a flag) and arguments."""
    return parameter.param_type_name == "option" and not (
        parameter.multiple or parameter.is_flag or parameter.count
    )
