# SPDX-License-Identifier: Apache-2.0
"""Bearer tokens: who the holder is, and which log he trusts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .errors import ConfigurationError

__all__ = ["Token", "contains_token"]

_FORM = re.compile(r"exq1_([apgm])_([0-9a-f]{32})_([\x21-\x7e]{45,})", re.ASCII)
# The mark, the kind, a fingerprint between underlines.
_ANYWHERE = re.compile(r"exq1_._[0-9a-f]{32}_", re.ASCII | re.DOTALL)

_KINDS = {"a": "an agent's", "p": "a person's", "g": "a gate's", "m": "the administrator's"}


@dataclass(frozen=True)
class Token:
    """A token; printing one never shows its secret."""

    #: ``a`` agent, ``p`` person, ``g`` gate, ``m`` administrator.
    kind: str
    #: The first 32 hexadecimal digits of SHA-256 of the log key's ``vkey`` line.
    fingerprint: str
    #: For the ``Authorization`` header and nothing else.
    secret: str = field(repr=False)

    def __str__(self) -> str:
        return f"exq1_{self.kind}_{self.fingerprint}_…"

    @staticmethod
    def parse(text: str, *, kind: str, where: str) -> Token:
        """Reads a token of one kind; surrounding white space is dropped."""
        stripped = text.strip()
        found = _FORM.fullmatch(stripped) if len(stripped) <= 512 else None
        if found is None:
            raise ConfigurationError(
                "this is not a token of Exequatur",
                where=where,
                next_step="set it to the text as it was printed",
            )
        if found[1] != kind:
            raise ConfigurationError(
                f"this is {_KINDS[found[1]]} token, not {_KINDS[kind]}",
                where=where,
                next_step=_ADVICE[kind],
            )
        return Token(found[1], found[2], stripped)


_ADVICE = {
    "a": "`exequatur agent add NAME --owner PERSON` prints one",
    "g": "`exequatur gate add NAME --json` prints one",
}


def contains_token(text: str) -> bool:
    """Tells whether a text has what looks like a token: nothing that is shown may."""
    return _ANYWHERE.search(text) is not None
