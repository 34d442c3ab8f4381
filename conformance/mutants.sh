#!/usr/bin/env bash
# Changes one thing in the core at a time and runs the tests that should notice; see docs/mutation.md.
#
#     conformance/mutants.sh AREA [more arguments of cargo mutants]
#
# AREA is envelope, message_id, transport, handshake or session. Exit 0 when every change was noticed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

area=${1:?"say which area: envelope, message_id, transport, handshake or session"}
shift

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
    *) echo "no area $area" >&2; exit 2 ;;
esac

selected=(--lib)
for test in "${tests[@]}"; do selected+=(--test "$test"); done
mkdir -p target/mutants
exec cargo mutants --package odnix-proto "${files[@]/#/--file=}" --output "target/mutants/$area" \
    --test-package odnix-proto --no-times --minimum-test-timeout 60 "$@" -- "${selected[@]}"
