#!/usr/bin/env bash
# Follows secrets through odnix-proto under valgrind; see docs/constant-time.md.
# With the argument "timing" it measures instead, without valgrind. Else it
# prints one line a case; exit 0 when all are as they must be, 77 where valgrind cannot be had.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
here=conformance/constant-time
work=target/constant-time
mkdir -p "$work"

program=$work/release/odnix-constant-time
build() {
    cargo build --release --locked --manifest-path "$here/Cargo.toml" --target-dir "$work"
}

if [ "${1:-}" = timing ]; then
    build
    exec "$program" timing
fi

cannot() {
    printf '\n!!! CONSTANT TIME NOT CHECKED: %s\n' "$*" >&2
    exit 77
}
[ "$(uname -sm)" = "Linux x86_64" ] || cannot "only Linux on x86-64 is known to work"
command -v valgrind >/dev/null || cannot "valgrind is not installed"

build

reported=99
run_limit_s=120

# Prints "outcome verdicts findings" of one case.
watch() {
    local log=$work/$1.log status=0
    timeout "$run_limit_s" valgrind -v --error-exitcode=$reported --error-limit=no --num-callers=30 \
        --suppressions="$here/verdict.supp" --log-file="$log" "$program" run "$1" >"$work/out" 2>&1 || status=$?
    local outcome=broken
    if grep -qx "ran $1" "$work/out"; then
        case $status in
            0) outcome=clean ;;
            3) outcome=vacuous ;;
            "$reported") outcome=reported ;;
        esac
    fi
    local verdicts findings
    verdicts=$(sed -n 's/.*used_suppression: *\([0-9]*\) verdict .*/\1/p' "$log" | head -n 1)
    findings=$(sed -n 's/.*ERROR SUMMARY: \([0-9]*\) errors.*/\1/p' "$log" | tail -n 1)
    echo "$outcome ${verdicts:-0} ${findings:-?}"
}

cases=$("$program" list)
failed=0
printf '%-32s %-8s %-9s %8s %9s  %s\n' case kind outcome verdicts findings ''
while read -r name expected; do
    read -r outcome verdicts findings < <(watch "$name" </dev/null)
    kind=real
    right=no
    case $expected in
        clean) [ "$outcome" = clean ] && right=yes ;;
        # The secret has been there: the one permitted place has seen it.
        clean-verdict) [ "$outcome" = clean ] && [ "$verdicts" -gt 0 ] && right=yes ;;
        reported | vacuous) kind=planted; [ "$outcome" = "$expected" ] && right=yes ;;
    esac
    if [ "$right" = yes ]; then mark=ok; else mark="FAILED, see $work/$name.log"; failed=1; fi
    printf '%-32s %-8s %-9s %8s %9s  %s\n' "$name" "$kind" "$outcome" "$verdicts" "$findings" "$mark"
done <<<"$cases"
exit $failed
