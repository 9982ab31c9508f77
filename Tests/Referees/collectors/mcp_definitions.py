# SPDX-License-Identifier: Apache-2.0
"""What the MCP servers for the collector's tests offer: a file, read for each list.

    {"name": "…", "version": "…", "instructions": "…", "page": 2, "tools": […], "prompts": […],
     "resources": […], "resourceTemplates": […], "late": {"after": 1, "tools": […]}}

Tools of `late` are only shown once tools were listed that often in this process. Whoever calls a tool
leaves the file FILE.called behind.
"""
import json

listed = 0


def load(file):
    with open(file) as text:
        return json.load(text)


def page(file, member, cursor):
    """One page of a list, and where the next one begins; None after the last."""
    global listed
    known = load(file)
    entries = list(known.get(member, []))
    late = known.get("late")
    if member == "tools":
        if late and listed >= late["after"]:
            entries += late["tools"]
        if not cursor:
            listed += 1
    start, size = int(cursor or 0), known.get("page", 1000)
    rest = start + size < len(entries)
    return entries[start:start + size], str(start + size) if rest else None


def called(file):
    open(file + ".called", "w").close()
