#!/bin/sh
# GRPO by verl (0.9 and later) with gavel's reward: sh train.sh TRAIN.parquet TEST.parquet
#
# Rows are verl's: `prompt` (a chat), `data_source`, and `reward_model.ground_truth`.
set -eu
cd "$(dirname "$0")"

python -m verl.trainer.main_ppo \
    algorithm.adv_estimator=grpo \
    data.train_files="$1" \
    data.val_files="$2" \
    data.train_batch_size=64 \
    data.max_prompt_length=512 \
    data.max_response_length=512 \
    reward.custom_reward_function.path="gavel://$PWD/reward.toml" \
    actor_rollout_ref.model.path="${MODEL:-Qwen/Qwen2.5-0.5B-Instruct}" \
    actor_rollout_ref.actor.optim.lr=1e-6 \
    actor_rollout_ref.actor.ppo_mini_batch_size=64 \
    actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=8 \
    actor_rollout_ref.rollout.name=vllm \
    actor_rollout_ref.rollout.n=8 \
    actor_rollout_ref.rollout.gpu_memory_utilization=0.5 \
    actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=8 \
    trainer.n_gpus_per_node=1 \
    trainer.nnodes=1 \
    trainer.logger=console \
    trainer.total_epochs=1
