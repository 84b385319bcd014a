#!/bin/sh
# From a recording to the file that SGLang loads, checked and judged on tokens held out. Files are written where it runs.
#   sh examples/serve-an-moe.sh [recording]
set -eu
moeplace() { ${MOEPLACE:-npx moeplace} "$@"; }

trace=${1:-trace.jsonl.gz}
# Stands in for a recording; docs/recording.md tells how to make one.
[ -e "$trace" ] || moeplace synth --preset qwen3-30b-a3b --layers 2 --tokens 2048 -o "$trace"

moeplace inspect "$trace" --chiplets 16
# Leave --solver out for the best that is found.
moeplace place "$trace" --for sglang --hardware h100-8x8 --chiplets 16 --workload decode --solver eplb-global --holdout 0.25 -o p.json
moeplace verify p.json --against "$trace" --holdout 0.25
moeplace evaluate "$trace" p.json --holdout 0.25
moeplace export p.json --to sglang --fill-layers -o experts.json
