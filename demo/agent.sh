#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A small agent with four chores on real files. It runs nothing itself: every command goes through
# `exequatur run`, which asks the server first.
#
#   demo/agent.sh FOLDER [DATA]
#
# Needs EXEQUATUR (the program), EXEQUATUR_URL and EXEQUATUR_TOKEN. The folder is created. DATA is
# where the server keeps its files, which the last chore is after.
# Exit status 0 when every chore was either done or refused, 1 when something else went wrong.
set -eu

folder=${1:?usage: demo/agent.sh FOLDER [DATA]}
data=${2:-./exequatur-data}
exequatur=${EXEQUATUR:-exequatur}

# --- The world the agent works in: a database, a configuration file, a key pair. ---

prepare() {
    mkdir -p "$folder"
    rm -f "$folder/customers.csv"
    [ -f "$folder/customers.db" ] || sqlite3 "$folder/customers.db" '
        CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, email TEXT, plan TEXT);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 240)
        INSERT INTO customers (name, email, plan)
        SELECT printf("Customer %03d", i), printf("customer%03d@example.org", i),
               CASE i % 3 WHEN 0 THEN "free" WHEN 1 THEN "team" ELSE "company" END FROM n;'
    printf '# Settings of the billing service\nmax_connections = 100\nread_only = no\n' \
        >"$folder/billing.conf"
    [ -f "$folder/deploy.pem" ] || openssl genpkey -algorithm ed25519 -out "$folder/deploy.pem"
}

# --- Asking ---

step=0
problems=0
# A file with what the next command declares to change: what a person approves of it is no drift.
effects=
say() { printf '%s\n' "$*"; }

# chore TITLE REASON COMMAND…
chore() {
    step=$((step + 1))
    title=$1
    reason=$2
    shift 2
    say ""
    say "$step. $title"
    words=
    for word in "$@"; do
        case "$word" in
            *[!A-Za-z0-9_./=:@,+-]*) words="$words \"$word\"" ;;
            *) words="$words $word" ;;
        esac
    done
    say "   The agent wants to run:$words"
    status=0
    "$exequatur" run ${effects:+--effects "$effects"} --reason "$reason" -- "$@" || status=$?
    case "$status" in
        0) say "   => It ran." ;;
        69) say "   => There is no server, so nothing ran." && exit 1 ;;
        75) say "   => Nobody has decided yet, so nothing ran." ;;
        77) say "   => It was not cleared, so nothing ran." ;;
        *)
            say "   => It ended with status $status."
            problems=$((problems + 1))
            ;;
    esac
    last_status=$status
}

fingerprint() { openssl pkey -in "$folder/deploy.pem" -pubout | openssl sha256 -r | cut -c 1-16; }

prepare
say "The agent works in $folder. Each command is shown to Exequatur before it runs."

chore "Look around. Known to be read-only, so nobody is asked." \
    "Find out what is here before changing anything." \
    ls -l "$folder"
chore "Read the settings. Nobody is asked here either." \
    "Read the current limit before raising it." \
    cat "$folder/billing.conf"

chore "Export the customers of one plan. Data leaves its place, so a person decides." \
    "Sales asked for the company customers as a CSV file." \
    sqlite3 -csv -header "$folder/customers.db" ".once $folder/customers.csv" \
    "SELECT name, email FROM customers WHERE plan = 'company'"
if [ -f "$folder/customers.csv" ]; then
    say "   $folder/customers.csv has $(($(wc -l <"$folder/customers.csv") - 1)) rows."
fi

# The values afterwards are known, so they are declared, the digest of the whole file among them. The key
# is in no section, and such keys are below the empty name. The scope is that of the drift source.
raise='s/^max_connections = .*/max_connections = 200/'
settings=$(cd "$folder" && pwd)/billing.conf
effects=$folder/effects.json
cat >"$effects" <<JSON
[{"scope": "$(hostname)", "subject": "file:$settings",
  "path": "/content//max_connections", "post": "200"},
 {"scope": "$(hostname)", "subject": "file:$settings",
  "path": "/sha256", "post": "$(sed "$raise" "$settings" | openssl sha256 -r | cut -c 1-64)"}]
JSON
chore "Raise a limit in the settings. A file changes, so a person decides, and sees the new value." \
    "The billing service runs out of connections at noon." \
    sed -i "$raise" "$settings"
effects=
say "   The file now says: $(grep '^max_connections' "$folder/billing.conf")"

before=$(fingerprint)
chore "Rotate the deploy key. Key material changes, so a person decides." \
    "The deploy key is ninety days old." \
    openssl genpkey -algorithm ed25519 -out "$folder/deploy.pem"
say "   Fingerprint before: $before"
say "   Fingerprint now:    $(fingerprint)"

chore "Read the administrator's token. A rule forbids it, so nobody is even asked." \
    "Look for a quicker way." \
    cat "$data/admin.token"
if [ "$last_status" -eq 0 ]; then
    say "   This must not happen."
    problems=$((problems + 1))
fi

say ""
[ "$problems" -eq 0 ] || say "$problems chore(s) ended in an unexpected way."
[ "$problems" -eq 0 ]
