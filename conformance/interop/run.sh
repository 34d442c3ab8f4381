#!/usr/bin/env bash
# Runs client stacks that nobody here wrote against odnix-server; see docs/interop.md.
# One line a check; exit 0 when all pass, 77 when Python, Node or their packages cannot be had.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
here=conformance/interop
work=target/interop
mkdir -p "$work"

# What takes longer than this hangs.
install_limit_s=600
run_limit_s=420

cannot() {
    printf '\n!!! INTEROPERABILITY NOT CHECKED: %s\n' "$*" >&2
    exit 77
}

install_python() {
    python3 -m venv "$work/python" >"$work/venv.log" 2>&1 || return 1
    timeout "$install_limit_s" "$work/python/bin/pip" install --quiet --disable-pip-version-check \
        -r "$here/requirements.txt" >"$work/pip.log" 2>&1
}

install_node() {
    mkdir -p "$work/node"
    cp "$here/package.json" "$here/mtcute_check.mjs" "$work/node/"
    # No install scripts: the one native module (a database) is not used here.
    (cd "$work/node" && timeout "$install_limit_s" npm install --ignore-scripts --no-audit --no-fund) \
        >"$work/npm.log" 2>&1
}

# Starts the server in the given handshake mode and waits for its ready line.
start_server() {
    local mode=$1
    data=$(mktemp -d "$work/data-XXXXXX")
    "$server" serve --ws 127.0.0.1:0 --tcp 127.0.0.1:0 --data-dir "$data" --handshake "$mode" \
        --quota-connections 0 --quota-handshakes 0 >"$data/ready" 2>"$data/log" &
    server_pid=$!
    for _ in $(seq 600); do
        [ -s "$data/ready" ] && break
        kill -0 "$server_pid" 2>/dev/null || break
        sleep 0.05
    done
    if ! [ -s "$data/ready" ]; then
        echo "FAIL odnix-server did not get ready:" >&2
        cat "$data/log" >&2
        exit 1
    fi
    tcp=$(ready tcp)
    ws=$(ready ws)
    key=$(ready public_key)
}

ready() { python3 -c 'import json, sys; print(json.loads(open(sys.argv[1]).readline())[sys.argv[2]])' "$data/ready" "$1"; }

# Ends the server as an operator would; it must drain and exit with 0.
stop_server() {
    [ -n "${server_pid:-}" ] || return 0
    local status=0
    kill "$server_pid" 2>/dev/null || true
    wait "$server_pid" || status=$?
    server_pid=
    if [ "$status" = 0 ]; then
        echo "ok   odnix-server drains and exits on SIGTERM" | tee -a "$work/report"
    else
        echo "FAIL odnix-server ended with status $status on SIGTERM" | tee -a "$work/report"
        cat "$data/log"
    fi
    rm -rf "$data"
}
trap 'stop_server >/dev/null 2>&1' EXIT

# Runs one stack and keeps its lines. Each failed check has its own line; an end without one gets it here.
run_stack() {
    local name=$1 status=0 before
    shift
    before=$(grep -c '^FAIL ' "$work/report" || true)
    set +e
    timeout "$run_limit_s" "$@" 2>&1 | tee -a "$work/report"
    status=${PIPESTATUS[0]}
    set -e
    if [ "$status" = 124 ]; then
        echo "FAIL $name did not end within $run_limit_s s" | tee -a "$work/report"
    elif [ "$status" != 0 ] && [ "$(grep -c '^FAIL ' "$work/report")" = "$before" ]; then
        echo "FAIL $name ended with status $status" | tee -a "$work/report"
    fi
}

command -v python3 >/dev/null || cannot "python3 is not installed"
command -v node >/dev/null || cannot "node is not installed"
command -v npm >/dev/null || cannot "npm is not installed"
install_python || cannot "the Python packages of $here/requirements.txt cannot be had ($work/pip.log)"
install_node || cannot "the npm packages of $here/package.json cannot be had ($work/npm.log)"

cargo build --locked --package odnix-server-ref --bin odnix-server
server=${CARGO_TARGET_DIR:-target}/debug/odnix-server
: >"$work/report"

run_stack "vectors" "$work/python/bin/python" conformance/vectors/check.py

start_server compatible
run_stack Telethon "$work/python/bin/python" "$here/telethon_check.py" --tcp "$tcp" --key "$key"
stop_server

start_server strict
run_stack mtcute node "$work/node/mtcute_check.mjs" --tcp "$tcp" --ws "$ws" --key "$key"
stop_server

passed=$(grep -c '^ok ' "$work/report" || true)
failures=$(grep -c '^FAIL ' "$work/report" || true)
echo "interop: $passed ok, $failures failed"
[ "$failures" = 0 ] && [ "$passed" -gt 0 ]
