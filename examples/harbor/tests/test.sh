#!/bin/sh
# Judges the agent's answer and writes reward.json. Harbor runs this in the task's container, as root, with the folder it lies
# in at /tests. Where there is no reward it writes none, and Harbor records an error instead of a number.
set -eu
tests=$(cd "$(dirname "$0")" && pwd)
logs=${LOGS:-/logs/verifier}
answer=${ANSWER:-/app/answer.txt}
gavel=${GAVEL:-$tests/gavel}

# The answer becomes a table with one row: whatever stands in it, only its quotes are doubled.
table=$(mktemp -d)/answer.csv
{
    echo 'prompt,completion,reference'
    printf '"%s","%s","%s"\n' 'What is 6 * 7?' "$(sed 's/"/""/g' "$answer")" 42
} > "$table"

mkdir -p "$logs"
# It fails where the answer has no reward, and score.jsonl says why.
"$gavel" score --reward "$tests/reward.toml" "$table" > "$logs/score.jsonl"
# Quotes within a text are escaped in JSON, so nothing that the agent wrote looks like this.
reward=$(sed -n 's/.*,"reward":\([-0-9.e+]*\),"outcomes":.*/\1/p' "$logs/score.jsonl")
test -n "$reward"
echo "{\"reward\": $reward}" > "$logs/reward.json"
