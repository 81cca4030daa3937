#!/bin/sh
# GRPO by OpenRLHF (0.10.2 and later) on rows of `prompt` and `answer`, with gavel's reward: sh train.sh TASKS.jsonl [URL]
set -eu
cd "$(dirname "$0")"
tasks=$1
# A server (`gavel serve --reward math=reward.toml`) judges as well: sh train.sh TASKS.jsonl http://HOST:8080/get_reward
reward=${2:-$PWD/gavel_reward.py}

python -m openrlhf.cli.train_ppo_ray \
    --algo.advantage.estimator group_norm \
    --actor.model_name_or_path "${MODEL:-Qwen/Qwen2.5-0.5B-Instruct}" \
    --data.prompt_dataset "$tasks" \
    --data.input_key prompt \
    --data.label_key answer \
    --data.apply_chat_template \
    --reward.remote_url "$reward" \
    --rollout.batch_size 64 \
    --rollout.n_samples_per_prompt 8 \
    --rollout.max_new_tokens 512 \
    --train.batch_size 512 \
    --train.micro_batch_size 8 \
    --train.colocate_all \
    --ref.num_nodes 1 --ref.num_gpus_per_node 1 \
    --actor.num_nodes 1 --actor.num_gpus_per_node 1 \
    --vllm.num_engines 1 --vllm.tensor_parallel_size 1 --vllm.enable_sleep --vllm.gpu_memory_utilization 0.5 \
    --ds.enable_sleep \
    --ckpt.output_dir run
