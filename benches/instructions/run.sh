#!/usr/bin/env bash
# Counts the instructions of key paths under valgrind and compares them with baseline.txt.
# Usage: benches/instructions/run.sh [--record]
#
# A time differs from run to run; a count of instructions does not, so that a few percent show.
# The level is the portable one: valgrind knows neither SHA-NI nor AVX-512. Its crates choose by the
# processor as well, so SHA and ChaCha are compiled without a choice; AES is left to AES-NI, which
# valgrind knows and all but very old machines have, as AES in software would hide what is around it.
# Counts belong to one compiler, which the baseline names.
#
# Exit 0 when no path needs over 3 % more than recorded; 77 where that cannot be said: without
# valgrind, without AES-NI, with another compiler. --record writes the baseline.
# The profile of a path is left in target/instructions/PATH.callgrind, for callgrind_annotate.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
here=benches/instructions
baseline=$here/baseline.txt
work=target/instructions
tolerance_percent=3
mkdir -p "$work"

cannot() {
    printf '\n!!! INSTRUCTIONS NOT COMPARED: %s\n' "$*" >&2
    exit 77
}
[ "$(uname -sm)" = "Linux x86_64" ] || cannot "only Linux on x86-64 is known to work"
grep -qw aes /proc/cpuinfo || cannot "the processor has no AES-NI"
command -v valgrind >/dev/null || cannot "valgrind is not installed"

# Instead of the flags of whoever calls: what is compared is compiled in one way.
soft='--cfg sha2_backend="soft" --cfg sha1_backend="soft" --cfg chacha20_backend="soft"'
RUSTFLAGS=$soft cargo build --release --locked -p odnix-instructions --target-dir "$work"
program=$work/release/odnix-instructions

# Prints the instructions of one path, once gone.
count() {
    local name=$1 times=$2 profile=$work/$1.callgrind
    # The functions of the C library choose by the processor, too.
    ODNIX_CPU=portable GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX_Fast_Unaligned_Load,-AVX2,-AVX2_Usable,-AVX,-ERMS,-FSRM \
        valgrind --tool=callgrind --collect-atstart=no --toggle-collect='*counted*' \
        --callgrind-out-file="$profile" "$program" run "$name" >"$work/$name.log" 2>&1 ||
        { tail -n 20 "$work/$name.log" >&2; echo "$name did not run" >&2; return 1; }
    awk -v times="$times" '/^(summary|totals):/ { total = $2 } END { printf "%d\n", total / times; exit total == 0 }' \
        "$profile"
}

compiler=$(rustc --version)
counts=$work/counts.txt
echo "# $compiler" >"$counts"
while read -r name times; do
    number=$(count "$name" "$times" </dev/null)
    echo "$name $number" | tee -a "$counts"
done < <("$program" list)

if [ "${1:-}" = --record ]; then
    cp "$counts" "$baseline"
    echo "recorded in $baseline"
    exit
fi

# Every path, recorded or not, and whether it has become worse.
printf '\n%-28s %12s %12s %8s\n' path recorded now change
status=0
awk -v tolerance="$tolerance_percent" '
    /^#/ { next }
    NR == FNR { recorded[$1] = $2; next }
    !($1 in recorded) { printf "%-28s %12s %12d %8s  FAILED: record it\n", $1, "-", $2, "-"; failed = 1; next }
    {
        change = 100 * ($2 - recorded[$1]) / recorded[$1]
        word = change > tolerance ? "FAILED: more" : change < -tolerance ? "less: record it" : "ok"
        if (change > tolerance) failed = 1
        printf "%-28s %12d %12d %+7.1f%%  %s\n", $1, recorded[$1], $2, change, word
        delete recorded[$1]
    }
    END { for (name in recorded) { printf "%-28s is gone: FAILED\n", name; failed = 1 }; exit failed }
' "$baseline" "$counts" || status=1

[ "$(head -n 1 "$baseline")" = "# $compiler" ] ||
    cannot "the baseline is that of $(head -n 1 "$baseline" | cut -c3-), and this is $compiler"
exit $status
