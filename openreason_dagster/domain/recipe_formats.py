"""Part of the recipe: names of the layouts that a release is written in for trainers."""

from typing import Literal

Format = Literal[
    "messages_without_tags",
    "prompt_completion",
    "prompt_completion_without_tags",
    "sharegpt",
    "sharegpt_without_tags",
    "rl_prompts",
    "rl_prompts_verl",
    "rl_prompts_jsonl",
    "preference",
    "safety",
]
