#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What can be checked without building: formatting and the syntax of scripts. The other rules on
# style are tests (Tests/TidyTests).
set -euo pipefail
cd "$(dirname "$0")/.."

swift format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks \
    Fuzz/Package.swift Fuzz/Sources/Fuzz*

# Every script in the folders that hold scripts, by its first line.
while IFS= read -r script; do
    case "$(head -n 1 "$script")" in
        '#!/bin/sh') sh -n "$script" ;;
        '#!/bin/bash' | '#!/usr/bin/env bash') bash -n "$script" ;;
        '#!/usr/bin/env python3' | '#!/usr/bin/python3')
            python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' "$script"
            ;;
        '#!'*)
            echo "$script: unknown interpreter in its first line" >&2
            exit 1
            ;;
        *) continue ;;
    esac
    if [[ ! -x "$script" ]]; then
        echo "$script: a script must be executable: chmod +x $script" >&2
        exit 1
    fi
done < <(find .ci scripts demo examples Benchmarks/*.sh Benchmarks/*.py Fuzz/run.sh -type f)
scripts/draw-cards --check
scripts/promises --check
echo "Formatting and scripts are in order."
