# SPDX-License-Identifier: Apache-2.0
"""Agent frameworks whose tool calls go through a gate.

Nothing here is imported by :mod:`exequatur` itself; each module needs its framework.
"""
