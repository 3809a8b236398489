#!/usr/bin/env bash
# Instructions per commit, counted by callgrind: the same on every run of one build, so that a
# regression is seen without a clock. `./dev bench instructions`; N = 10k, 3,600 transactions a case.
#
#   bench/instructions.sh             prints a line for each case, beside what bench/instructions.txt has
#   bench/instructions.sh --record    writes them there
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
program=${TREMULA_COUNTED:-build/release/bench/counted}
record=bench/instructions.txt
command -v valgrind >/dev/null || { echo "instructions: valgrind is missing" >&2; exit 1; }
[ -x "$program" ] || { echo "instructions: build $program first" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# inclusive FUNCTION: the instructions spent in it and below it, 0 if it was not called.
inclusive() {
  awk -v name="$1" 'index($0, ":" name " ") && !n { gsub(",", "", $1); n = $1 }
                    END { print n + 0 }' "$folder/functions"
}

for case in none q1 q2 q3 q4 q5; do
  valgrind --tool=callgrind --callgrind-out-file="$folder/out" --collect-atstart=no \
    --toggle-collect=commit_untouched --toggle-collect=commit_touched \
    "$program" --only "$case" >"$folder/counts" 2>"$folder/errors" ||
    { cat "$folder/errors" >&2; exit 1; }
  callgrind_annotate --inclusive=yes --threshold=100 "$folder/out" >"$folder/functions"
  for kind in untouched touched; do
    commits=$(sed -n "s/.*\"kind\":\"$kind\".*\"value\":\([0-9]*\).*/\1/p" "$folder/counts")
    [ "${commits:-0}" -gt 0 ] || continue
    per_commit=$(($(inclusive "commit_$kind") / commits))
    before=$(awk -v c="$case" -v k="$kind" '$1 == c && $2 == k { print $3 }' "$record" 2>/dev/null || true)
    printf '%-5s %-10s %8d %s\n' "$case" "$kind" "$per_commit" \
      "${before:+   was $before}" | tee -a "$folder/all"
  done
done
if [ "${1:-}" = --record ]; then
  { echo "# Instructions per commit (bench/instructions.sh): case, kind, instructions"
    awk '{ print $1, $2, $3 }' "$folder/all"; } >"$record"
fi
