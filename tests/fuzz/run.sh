#!/usr/bin/env bash
# Fuzzes everything that reads foreign bytes; README.md says what each target asserts.
#   tests/fuzz/run.sh SECONDS [target...]   each target so long, several at once ($FUZZ_JOBS)
#   tests/fuzz/run.sh --keep [target...]    chooses corpus/ anew, from it and what runs have found
#   tests/fuzz/run.sh --build               only builds them
# Ends with one line, N passed, N failed. The first finding of a target ends that target: its input
# is kept, and the command to replay it printed. Builds into $FUZZ_BUILD (default: build-fuzz).
set -uo pipefail
cd "$(dirname "$0")/../.."
here=tests/fuzz
build=${FUZZ_BUILD:-$PWD/build-fuzz}
work=${FUZZ_WORK:-$build/work}
jobs=${FUZZ_JOBS:-$(nproc)}
usage() { sed -n '2,7s/^# \?//p' "$here/run.sh" >&2; exit 2; }

build_targets() {
    if [ ! -f "$build/build.ninja" ]; then
        CXX=clang++ meson setup "$build" -Dfuzz=true -Dwerror=true -Dbuildtype=plain -Doptimization=1 \
            -Ddebug=false -Db_lto=false -Db_pie=false -Db_lundef=false || return
    fi
    meson compile -C "$build"
}

# The longest input that is tried.
longest() {
    case $1 in
    upgrade | proxy) echo 20000 ;; # their limits are 16 KiB and more
    pump) echo 1024 ;;     # a script
    *) echo 4096 ;;
    esac
}

options() { # target
    echo "-timeout=5 -rss_limit_mb=1024 -max_len=$(longest "$1")"
    [ -f "$here/dictionaries/$1.dict" ] && echo "-dict=$here/dictionaries/$1.dict"
}

fuzz() { # target seconds
    local target=$1 seconds=$2 own=$work/$1 log=$work/$1.log status=0
    mkdir -p "$own/corpus" "$here/corpus/$target"
    TMPDIR=$memory ASAN_OPTIONS=quarantine_size_mb=32 UBSAN_OPTIONS=print_stacktrace=1 "$build/tests/fuzz/$target" "$own/corpus" \
        "$here/corpus/$target" "$here/seeds/$target" $(options "$target") -max_total_time="$seconds" \
        -print_final_stats=1 -artifact_prefix="$own/" >"$log" 2>&1 || status=$?
    local statistic last edges input
    statistic() { sed -n "s/^stat::$1: *//p" "$log" | tail -n1; }
    last=$(grep -E '^#[0-9]+' "$log" | tail -n1)
    edges=$(sed -n 's/.*PC tables (\([0-9]*\) PCs).*/\1/p' "$log" | head -n1)
    printf '%-12s %9s runs %6s/s  %5s of %s edges  corpus %s\n' "$target" \
        "$(statistic number_of_executed_units)" "$(statistic average_exec_per_sec)" \
        "$(grep -oE 'cov: [0-9]+' <<<"$last" | cut -d' ' -f2)" "$edges" \
        "$(grep -oE 'corp: [^ ]+' <<<"$last" | cut -d' ' -f2)"
    [ "$status" -eq 0 ] && return
    input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n1)
    # The clock was the wall's: on a busy machine any input is late. Now the processor's decides.
    if [[ ${input##*/} == timeout-* ]] && (
        ulimit -t 5
        TMPDIR=$memory exec "$build/tests/fuzz/$target" -timeout=120 "$input" >"$log.again" 2>&1
    ); then
        echo "$target ended early by an input that was late once and not again, so no finding: $input"
        return
    fi
    grep -E -m1 -A1 'PROPERTY BROKEN|runtime error|ERROR: ' "$log"
    echo "finding in $target: ${input:-no input, see the log} (log: $log)"
    echo "  replay: $build/tests/fuzz/$target $input"
    return 1
}

# What was a finding once (found-*) stays; the rest is chosen anew from all that is there.
keep() { # target
    local target=$1 kept=$here/corpus/$1 merged=$memory/$1
    mkdir -p "$work/$target/corpus" "$kept" "$merged/all" "$merged/chosen"
    TMPDIR=$memory "$build/tests/fuzz/$target" -set_cover_merge=1 -use_counters=0 \
        -merge_control_file="$merged/control" $(options "$target") "$merged/all" \
        "$here/seeds/$target" "$kept" "$work/$target/corpus" >"$work/$target-merge.log" 2>&1 || return
    python3 "$here/choose.py" "$merged/control" | grep -v -e "^$here/seeds/" -e /found- |
        xargs -r -d '\n' cp -t "$merged/chosen"
    find "$kept" -type f ! -name 'found-*' -delete
    find "$merged/chosen" -type f -exec cp -t "$kept" {} +
    echo "$target: $(find "$kept" -type f | wc -l) files, $(du -sb --apparent-size "$kept" | cut -f1) bytes"
}

[ $# -ge 1 ] || usage
what=$1
shift
mkdir -p "$work"
if [ "${FUZZ_INSIDE:-}" = yes ]; then # one target, started by the line below
    memory=$FUZZ_MEMORY
    fuzz "$1" "$what"
    exit
fi
if ! build_targets >"$work/build.log" 2>&1; then
    tail -n 40 "$work/build.log"
    echo "the fuzz targets cannot be built (whole log: $work/build.log)"
    exit 1
fi
[ "$what" != --build ] || exit 0
[ $# -gt 0 ] || set -- $(ls "$here/seeds")
memory=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
trap 'rm -rf "$memory"' EXIT
if [ "$what" = --keep ]; then
    for target; do keep "$target" || { echo "the corpus of $target cannot be merged"; exit 1; }; done
    exit
fi
[[ $what =~ ^[0-9]+$ ]] || usage
failed=0
export FUZZ_INSIDE=yes FUZZ_MEMORY=$memory FUZZ_BUILD=$build FUZZ_WORK=$work
printf '%s\n' "$@" | xargs -P "$jobs" -I{} bash -c '"$0" "$1" "$2" || echo "$2" >>"$3"' \
    "$PWD/$here/run.sh" "$what" {} "$memory/failed"
[ ! -f "$memory/failed" ] || failed=$(wc -l <"$memory/failed")
printf '%d passed, %d failed\n' "$(($# - failed))" "$failed"
[ "$failed" -eq 0 ]
