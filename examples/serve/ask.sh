#!/bin/sh
# Asks a running server, `gavel serve --reward math=reward.toml`, as people and trainers do.
set -eu
server=${1:-http://127.0.0.1:8080}
ask() { curl -sS --fail-with-body -H 'content-type: application/json' "$server$1" -d "$2"; echo; }

echo 'one submission'
ask '/v1/score?timing=false' '{"prompt": "1 + 1?", "completion": "\\boxed{2}", "reference": "2"}'

echo 'as OpenRLHF asks'
ask /get_reward '{"query": ["1 + 1?\\boxed{2}"], "prompts": ["1 + 1?"], "labels": ["2"]}'

echo 'as slime asks'
ask /remote_rm '{"prompt": "1 + 1?", "response": "\\boxed{2}", "label": "2"}'

echo 'a stream of lines'
printf '%s\n' '{"prompt": "1 + 1?", "completion": "\\boxed{2}", "reference": "2"}' |
  curl -sS -X POST -T - -H 'content-type: application/x-ndjson' "$server/v1/score"
