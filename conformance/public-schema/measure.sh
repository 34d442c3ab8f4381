#!/usr/bin/env bash
# What the types of a large public schema cost to build, beside those that grammers-tl-types has
# of the same schema. One run measures both, so that the ratios do not depend on the machine.
#
#   measure.sh [RUNS]     each build is repeated RUNS times (3), and the median counts
#
# Measured is a release build of the generated crate alone, its build script included, with all
# its dependencies built before. Needs cargo, and GNU time or python3. Leaves nothing behind; do
# nothing else on the machine meanwhile.
set -euo pipefail

runs=${1:-3}
[[ $runs =~ ^[1-9][0-9]*$ ]] || { echo "usage: $0 [RUNS]" >&2; exit 2; }
package=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$package/../.." && pwd)
export LC_ALL=C CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CARGO_TARGET_DIR=$work/target

say() { printf '[%4d s] %s\n' "$SECONDS" "$*" >&2; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

# Runs a command, and writes "wall-seconds cpu-seconds peak-kilobytes" into the file $1.
if [ -x /usr/bin/time ] && /usr/bin/time -f %e true 2>/dev/null; then
    measured() {
        local to=$1; shift
        /usr/bin/time -f '%e %U %S %M' -o "$to.raw" "$@"
        awk 'END { print $1, $2 + $3, $4 }' "$to.raw" >"$to"
    }
elif command -v python3 >/dev/null; then
    measured() {
        python3 - "$@" <<'PYTHON'
import resource, subprocess, sys, time
start = time.monotonic()
status = subprocess.run(sys.argv[2:]).returncode
wall = time.monotonic() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
peak = used.ru_maxrss // (1024 if sys.platform == "darwin" else 1)
with open(sys.argv[1], "w") as to:
    print(f"{wall:.2f} {used.ru_utime + used.ru_stime:.2f} {peak}", file=to)
sys.exit(status)
PYTHON
    }
else
    fail "neither GNU time (apt-get install time) nor python3 is here to measure with"
fi

# cargo, silent unless it fails.
quietly() {
    "$@" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        fail "failed: $* (if a package is missing: cargo fetch)"
    }
}

# project NAME DEPENDENCIES USE DECODE ENCODE: a program that decodes and encodes `Updates`.
project() {
    local name=$1
    mkdir -p "$work/$name/src"
    cp "$root/Cargo.lock" "$work/$name/"
    cat >"$work/$name/Cargo.toml" <<TOML
[package]
name = "$name"
edition = "2024"

[dependencies]
$2

[profile.release]
strip = true

[workspace]
TOML
    cat >"$work/$name/src/main.rs" <<RUST
use std::{error::Error, io::{Read, Write, stdin, stdout}};

$3

fn main() -> Result<(), Box<dyn Error>> {
    let mut bytes = Vec::new();
    stdin().read_to_end(&mut bytes)?;
    let updates = Updates::from_bytes($4)?;
    stdout().write_all(&updates.to_bytes()$5)?;
    Ok(())
}
RUST
}

# ours NAME FEATURES and theirs NAME FEATURES
ours() {
    project "$1" "odnix-public-schema = { path = \"$package\", default-features = false, features = [$2] }
odnix-tl = { path = \"$root/odnix-tl\", default-features = false, features = [\"std\"] }" \
        'use odnix_public_schema::enums::Updates;
use odnix_tl::{Decode, Encode};' 'bytes.into()' '?'
}
theirs() {
    project "$1" "grammers-tl-types = { version = \"0.11\", features = [$2] }" \
        'use grammers_tl_types::{Deserializable, Serializable, enums::Updates};' '&bytes' ''
}

median() { sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }

# build NAME CRATE: writes NAME.lines, and NAME.wall, NAME.cpu and NAME.peak.
build() {
    local name=$1 crate=$2 run
    cd "$work/$name"
    say "$name: building the dependencies of $crate, and $crate once"
    quietly cargo clean --offline --release -p "$crate"
    quietly cargo build --offline --release -p "$crate"
    cat "$CARGO_TARGET_DIR"/release/build/"$crate"-*/out/*.rs | wc -l >"$work/$name.lines"
    for ((run = 1; run <= runs; run++)); do
        quietly cargo clean --offline --release -p "$crate"
        quietly measured "$work/$name.run" cargo build --offline --release -p "$crate"
        say "$name: run $run of $runs: $(awk '{
            printf "%.1f s, %.1f s of CPU, %.2f GB", $1, $2, $3 * 1024 / 1e9 }' "$work/$name.run")"
        cat "$work/$name.run" >>"$work/$name.runs"
    done
    awk '{ print $1 }' "$work/$name.runs" | median >"$work/$name.wall"
    awk '{ print $2 }' "$work/$name.runs" | median >"$work/$name.cpu"
    awk '{ print $3 * 1024 / 1e9 }' "$work/$name.runs" | median >"$work/$name.peak"
}

# The program around the crate, which has to work.
program() {
    local name=$1 updates_too_long='\x7e\xaf\x17\xe3'
    cd "$work/$name"
    say "$name: linking the program"
    quietly cargo build --offline --release
    # shellcheck disable=SC2059
    cmp <(printf "$updates_too_long") \
        <(printf "$updates_too_long" | "$CARGO_TARGET_DIR/release/$name") ||
        fail "$name: the program does not write what it read"
    wc -c <"$CARGO_TARGET_DIR/release/$name" | awk '{ print $1 / 1e3 }' >"$work/$name.size"
}

# row TITLE FORMAT OURS THEIRS
row() {
    awk -v title="$1" -v format="$2" 'NR == 1 { ours = $1 } NR == 2 { theirs = $1 } END {
        printf "| %s | " format " | " format " | %.2f |\n", title, ours, theirs, ours / theirs
    }' "$work/$3" "$work/$4"
}

say "in $work, $runs run(s) each; $(cargo --version), $(nproc 2>/dev/null || echo '?') cores"
ours ours-json '"serde"'
theirs theirs-json '"impl-serde", "deserializable-functions"'
ours ours-plain ''
theirs theirs-plain '"deserializable-functions"'

for configuration in json plain; do
    build "ours-$configuration" odnix-public-schema
    build "theirs-$configuration" grammers-tl-types
done
program ours-plain
program theirs-plain

echo "| release build of the generated crate | odnix | grammers-tl-types | odnix / grammers |"
echo "|---|---|---|---|"
for configuration in json plain; do
    with=$([ "$configuration" = json ] && echo "with JSON" || echo "without JSON")
    row "lines of Rust, $with" '%d' "ours-$configuration.lines" "theirs-$configuration.lines"
    row "time, $with" '%.1f s' "ours-$configuration.wall" "theirs-$configuration.wall"
    row "CPU time, $with" '%.1f s' "ours-$configuration.cpu" "theirs-$configuration.cpu"
    row "peak memory, $with" '%.2f GB' "ours-$configuration.peak" "theirs-$configuration.peak"
done
row 'program that decodes and encodes `Updates`, stripped, without JSON' '%d kB' \
    ours-plain.size theirs-plain.size
