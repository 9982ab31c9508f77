#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The demonstration: a server in ./exequatur-data, one developer, one agent of hers, and you as the
# reviewer. Can be run again; Ctrl-C ends it.
#
# DEMO_LISTEN, DEMO_DATA and DEMO_WORK put it elsewhere; with DEMO_ONCE=1 it ends when the agent has.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 077

listen=${DEMO_LISTEN:-127.0.0.1:8420}
data=${DEMO_DATA:-./exequatur-data}
work=${DEMO_WORK:-.build/demo}
export EXEQUATUR_URL=http://$listen
unset EXEQUATUR_TOKEN EXEQUATUR_GATE_TOKEN

scripts/bootstrap
mkdir -p "$work"
folder=$(cd "$work" && pwd)
release=.build-release/release/exequatur
# A release build is taken where it is as new as what it was made of.
if [[ -x "$release" && -z "$(find Sources Package.swift -newer "$release" -type f -print -quit)" ]]; then
    EXEQUATUR=$PWD/$release
else
    echo "Building. The first time this takes some minutes."
    swift build --product exequatur
    EXEQUATUR=$PWD/.build/debug/exequatur
fi
export EXEQUATUR

server=
stop() {
    trap - EXIT INT TERM
    if [[ -n "$server" ]]; then
        kill -TERM "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
        echo "The server has stopped. Its ledger stays in $data; \`make demo\` goes on with it."
    fi
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

administer() { "$EXEQUATUR" "$@" --token-file "$data/admin.token"; }
sign_in_link() {
    administer person link admin --json 2>/dev/null |
        sed -n 's/.*"signInLink" *: *"\([^"]*\)".*/\1/p'
}
token_in() { sed -n 's/.*"token" *: *"\([^"]*\)".*/\1/p' | head -n 1; }

# Somebody else's server on this port would make everything below fail in odd ways.
if (exec 3<>"/dev/tcp/${listen%:*}/${listen#*:}") 2>/dev/null; then
    echo "Something already listens on $listen: end it and try again." >&2
    exit 1
fi

"$EXEQUATUR" serve --data "$data" --listen "$listen" >"$work/serve.log" 2>&1 &
server=$!
for ((attempt = 0; ; attempt++)); do
    if ! kill -0 "$server" 2>/dev/null; then
        echo "The server did not start:" >&2
        cat "$work/serve.log" >&2
        server=
        exit 1
    fi
    if [[ -s "$data/admin.token" ]] && administer status >/dev/null 2>&1; then break; fi
    if ((attempt == 150)); then
        echo "The server does not answer after 30 seconds:" >&2
        cat "$work/serve.log" >&2
        exit 1
    fi
    sleep 0.2
done

# The agent belongs to Dana. Whoever owns an agent never reviews it, so you can: you are the first
# administrator and a member of `reviewers`, and not Dana.
if ! administer person show dana >/dev/null 2>&1; then
    administer person add dana --name "Dana Developer" >/dev/null 2>&1
fi
if ! "$EXEQUATUR" whoami --token-file "$work/agent.token" >/dev/null 2>&1; then
    if administer agent show demo-agent >/dev/null 2>&1; then
        administer agent rotate demo-agent --json 2>/dev/null | token_in >"$work/agent.token"
    else
        administer agent add demo-agent --owner dana --json 2>/dev/null | token_in >"$work/agent.token"
    fi
fi

# A gate with a credential of its own, in front of an MCP server. What it presents when it first
# connects is approved here, as part of setting up; docs/how-to/gate-an-mcp-server.md tells how.
customers() {
    EXEQUATUR_TOKEN=$(<"$work/agent.token") EXEQUATUR_GATE_TOKEN=$(<"$work/gate.token") \
        EXEQUATUR_STATE_DIR="$folder/gate-state" demo/mcp-agent.py "$@" \
        "$EXEQUATUR" gateway mcp --name customers -- \
        python3 "$PWD/examples/mcp/customers.py" "$folder/files/customers.db" "$folder/files"
}
if [[ ! -s "$work/gate.token" ]] || ! administer gate show customers >/dev/null 2>&1; then
    if administer gate show customers >/dev/null 2>&1; then
        administer gate rotate customers --json 2>/dev/null | token_in >"$work/gate.token"
    else
        administer gate add customers --json 2>/dev/null | token_in >"$work/gate.token"
    fi
fi
customers --list >/dev/null 2>&1 || true
presented=$(administer gate configuration customers --json 2>/dev/null |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["presented"]["digest"])' || true)
if [[ -z "$presented" ]] ||
    ! administer gate approve customers --expect "$presented" >/dev/null 2>&1; then
    echo "The gate before the MCP server could not be set up: see $work/serve.log" >&2
    exit 1
fi

# A second gate watches the agent's settings for drift, with a credential of its own.
# docs/how-to/watch-for-drift.md tells how.
if [[ ! -s "$work/observer.token" ]] || ! administer gate show settings >/dev/null 2>&1; then
    if administer gate show settings >/dev/null 2>&1; then
        administer gate rotate settings --json 2>/dev/null | token_in >"$work/observer.token"
    else
        administer gate add settings --json 2>/dev/null | token_in >"$work/observer.token"
    fi
fi
drift() {
    EXEQUATUR_TOKEN=$(<"$work/agent.token") EXEQUATUR_GATE_TOKEN=$(<"$work/observer.token") \
        EXEQUATUR_STATE_DIR="$folder/observer-state" "$EXEQUATUR" drift "$@"
}
settings=$folder/files/billing.conf
mkdir -p "$folder/files"
[[ -s "$settings" ]] ||
    printf '# Settings of the billing service\nmax_connections = 100\nread_only = no\n' >"$settings"
administer drift source set - >/dev/null <<JSON
{"id": "demo-settings", "kind": "files", "scope": "$(hostname)", "every": 60, "class": "high",
 "observer": "settings",
 "settings": {"paths": ["$settings"], "fields": {"ini": ["$settings"]}}}
JSON
drift observe demo-settings --once >/dev/null
baseline=$(administer drift show demo-settings --json 2>/dev/null | python3 -c '
import json, sys
print((json.load(sys.stdin)["baseline"]["proposed"] or {"root": ""})["root"])')
# Approved here as part of setting up.
if [[ -n "$baseline" ]]; then
    administer drift accept demo-settings --expect "$baseline" >/dev/null
fi

deviations() {
    administer drift list --source demo-settings --json | python3 -c '
import json, sys
print(" ".join(one["id"] for one in json.load(sys.stdin)))'
}
settings_drift() {
    local ids
    echo "The settings are looked at. If you approved the agent's change, it is explained by the values"
    echo "that it declared; if you denied it, there is nothing to explain:"
    drift observe demo-settings --once
    echo "Now somebody changes them, and asks nobody:"
    sed -i 's/^max_connections = .*/max_connections = 5000/' "$settings"
    drift observe demo-settings --once
    ids=$(deviations)
    if [[ -z "$ids" ]]; then
        echo "No deviation was found." >&2
        return 1
    fi
    echo "No approved action explains that. The agent asks to put it back, which waits for you."
    # shellcheck disable=SC2086 # one word for each id
    drift fix $ids --source demo-settings --reason "the settings were changed without an approval"
}

cat <<TEXT

------------------------------------------------------------------------------------------
$(cat "$work/serve.log")
------------------------------------------------------------------------------------------

1. Open this link in a browser; it signs you in, once, within the hour:

     $(sign_in_link)

   Exports, key rotations and the like need a sign-in at most ten minutes old. This prints a new
   link when yours is older:
     $EXEQUATUR person link admin --token-file $data/admin.token
2. An agent called demo-agent starts below. It belongs to Dana Developer and asks before each
   command. What is not known to be read-only waits for you in the browser: read it, then approve
   or deny.
3. Then it uses the tools of an MCP server through a gateway, and exports again. Every call of a
   tool waits for you, too.
4. Last, the settings are changed without asking anybody. That is found, and putting it right waits
   for you.
5. The agent runs under your own user here, so nothing really keeps it from the files: it shows the
   way an honest agent works. docs/how-to/gate-a-command.md says how a gate is enforced.

TEXT

echo
agent_status=0
EXEQUATUR_TOKEN=$(<"$work/agent.token") demo/agent.sh "$work/files" "$data" ||
    agent_status=$?
customers || agent_status=$?
echo
settings_drift || agent_status=$?

echo
echo "What happened, newest first:"
administer list || true
echo
echo "Take an id from this list, and prove what happened without the server:"
echo "  $EXEQUATUR receipt ID --token-file $data/admin.token > receipt.json"
echo "  $EXEQUATUR verify receipt.json --key $data/log.vkey"
echo
if [[ -n "${DEMO_ONCE-}" ]]; then exit "$agent_status"; fi
echo "The server goes on, so that you can look around in the console. Ctrl-C ends it."
wait "$server"
