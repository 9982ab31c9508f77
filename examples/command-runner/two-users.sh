#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# An agent and a command runner as two users of one machine. Run it as root; the users are numbers
# and need not exist.
#
#   two-users.sh prepare DIR              makes the folders in DIR, and a file that stands for access
#   two-users.sh runner DIR [OPTION…]     becomes the runner; its token is in DIR/gate.token
#   two-users.sh agent DIR [OPTION…] -- COMMAND…     becomes the agent, which asks for a command;
#                                         its token is in DIR/agent.token
#
# EXEQUATUR_URL is the server, EXEQUATUR the program (default: from PATH). Only the runner reaches the
# server here as a gate; the agent reaches the runner's socket.
set -eu

AGENT=${AGENT:-65001}
RUNNER=${RUNNER:-65002}
# Whoever is in this group may open the socket.
CALLERS=${CALLERS:-65003}
EXEQUATUR=${EXEQUATUR:-exequatur}

fail() {
    echo "two-users.sh: $1" >&2
    exit 64
}

# The token is in a file that only root reads; the environment it goes into is unreadable too.
token() {
    tr -d '[:space:]' < "$1"
}

[ "$(id -u)" = 0 ] || fail "run it as root"
[ $# -ge 2 ] || fail "use: two-users.sh prepare|runner|agent DIR"
what=$1
dir=$2
shift 2

case $what in
prepare)
    install -d -m 0711 "$dir"
    install -d -m 0755 -o "$RUNNER" -g "$RUNNER" "$dir/run"
    install -d -m 0700 -o "$RUNNER" -g "$RUNNER" "$dir/runner"
    install -d -m 0755 -o "$AGENT" -g "$AGENT" "$dir/agent"
    # Stands for whatever the runner alone may reach: a key, a kubeconfig, a database.
    printf 'correct horse battery staple\n' > "$dir/runner/access"
    chown "$RUNNER:$RUNNER" "$dir/runner/access"
    chmod 0600 "$dir/runner/access"
    ;;
runner)
    EXEQUATUR_GATE_TOKEN=$(token "$dir/gate.token")
    unset EXEQUATUR_TOKEN
    export EXEQUATUR_GATE_TOKEN HOME="$dir/runner"
    cd /
    exec setpriv --reuid "$RUNNER" --regid "$RUNNER" --groups "$CALLERS" \
        "$EXEQUATUR" gateway command --socket "$dir/run/runner.sock" --allow-user "$AGENT" \
        --socket-group "$CALLERS" --directory "$dir/agent" "$@"
    ;;
agent)
    EXEQUATUR_TOKEN=$(token "$dir/agent.token")
    unset EXEQUATUR_GATE_TOKEN
    export EXEQUATUR_TOKEN HOME="$dir/agent"
    cd "$dir/agent"
    exec setpriv --reuid "$AGENT" --regid "$AGENT" --groups "$CALLERS" \
        "$EXEQUATUR" run --runner "$dir/run/runner.sock" "$@"
    ;;
*) fail "use: two-users.sh prepare|runner|agent DIR" ;;
esac
