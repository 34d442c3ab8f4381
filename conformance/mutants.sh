#!/usr/bin/env bash
# Changes one thing at a time and runs the tests that should notice; see docs/mutation.md.
#
#     conformance/mutants.sh AREA [more arguments of cargo mutants]
#
# AREA is envelope, message_id, transport, handshake, session or updates of the core; engine, rpc or store of the
# server; sync or replica of the client. Exit 0 when every change was noticed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

areas="envelope, message_id, transport, handshake, session, updates, engine, rpc, store, sync or replica"
area=${1:?"say which area: $areas"}
shift
package=odnix-proto
of_server=(store files bounds words groups json authorization rpc)
of_client=(sync membership replica reload backup groups)

# The tests that are about the area, quickest first; a change is noticed as soon as one of them fails.
case $area in
    envelope) files=(odnix-proto/src/envelope.rs) tests=(envelope signals) ;;
    message_id) files=(odnix-proto/src/message_id.rs) tests=(message_id hostile_peer session) ;;
    transport) files=('odnix-proto/src/transport/**') tests=(transport http signals) ;;
    handshake)
        files=('odnix-proto/src/handshake/**')
        tests=(hostile_handshake handshake handshake_memory connection)
        ;;
    session)
        files=('odnix-proto/src/session/**')
        tests=(
            server_session server_rules client_session client_rules hostile_peer session temporary_keys
            session_memory client_memory id_lists http_turns allocation connection session_model pfs_client
        )
        ;;
    updates) files=('odnix-proto/src/updates/**') tests=(sequences mailboxes sequencer) ;;
    engine) package=odnix-server-ref files=('odnix-server-ref/src/engine/**') tests=("${of_server[@]}") ;;
    rpc) package=odnix-server-ref files=('odnix-server-ref/src/rpc/**') tests=("${of_server[@]}") ;;
    store)
        package=odnix-server-ref
        files=('odnix-server-ref/src/store/**' odnix-server-ref/src/files.rs)
        tests=("${of_server[@]}")
        ;;
    sync) package=odnix-client-ref files=('odnix-client-ref/src/sync/**') tests=("${of_client[@]}") ;;
    replica) package=odnix-client-ref files=('odnix-client-ref/src/replica/**') tests=("${of_client[@]}") ;;
    *) echo "no area $area, but $areas" >&2; exit 2 ;;
esac

selected=(--lib)
for test in "${tests[@]}"; do selected+=(--test "$test"); done
mkdir -p target/mutants
exec cargo mutants --package "$package" "${files[@]/#/--file=}" --output "target/mutants/$area" \
    --test-package "$package" --no-times --minimum-test-timeout 60 "$@" -- "${selected[@]}"
