"""Writes verl.parquet, three rows in the shape of verl's GSM8K (examples/data_preprocess/gsm8k.py), with completions.

    pip install pyarrow && python tests/cli/data/verl_parquet.py
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def row(index, question, completion, answer):
    return {
        "data_source": "openai/gsm8k",
        "prompt": [{"role": "user", "content": question}],
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": answer},
        "extra_info": {"split": "train", "index": index},
        "completion": completion,
    }


rows = [
    row(0, "What is 1 + 1?", "One and one.\n#### 2", "2"),
    row(1, "What is 2 + 2?", "#### 5", "4"),
    row(2, "What is 3 + 3?", "Sechs – #### 6", "6"),
]
path = Path(__file__).with_name("verl.parquet")
pq.write_table(pa.Table.from_pylist(rows), path, compression="snappy")
