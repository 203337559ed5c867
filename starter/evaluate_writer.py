"""Measure the starter writer on held-out problems and requests and write its model card.

Run from the repository root: ``python -m starter.evaluate_writer``.
"""

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from openreason_dagster.domain.inference.questions import Reply
from openreason_dagster.domain.seeds.starter_tasks import FAMILIES, StarterProblem, generate
from openreason_dagster.domain.writing.replies import Problem, Texts, texts_of
from starter.evaluate import BOXED, SEED
from starter.train import MODELS_FOLDER, Lesson
from starter.train_writer import NAME, request_lesson, rewrite_lesson, summary_lesson
from starter.writer_card import write_card
from starter.writer_requests import KINDS, REQUEST_FAMILIES, Request, requests
from starter.writer_tasks import rewritten

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

LONGEST_REPLY = 200
BATCH = 64


def replies(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", lessons: Sequence[Lesson]) -> list[str]:
    """What the model replies to each lesson's question at temperature 0, after the think block."""
    found = []
    for start in range(0, len(lessons), BATCH):
        prompts = [
            tokenizer.apply_chat_template(lesson.messages, add_generation_prompt=True, tokenize=False)
            for lesson in lessons[start : start + BATCH]
        ]
        inputs = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
        rows = model.generate(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            do_sample=False,
            max_new_tokens=LONGEST_REPLY,
        )
        found += tokenizer.batch_decode(rows[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return [text.rpartition("</think>")[2] for text in found]


def written(reply: str, *tags: str) -> Texts | None:
    """The texts inside the tags as the pipeline reads them; None if the reply has not that form."""
    texts = texts_of(Reply(text=reply), tags)
    return None if isinstance(texts, Problem) else texts


def share(hits: Sequence[bool]) -> float:
    """Share that is true."""
    return sum(hits) / len(hits)


def keeps_its_facts(problem: StarterProblem, texts: Texts | None) -> bool:
    """Whether numbers and names of the notes stand in the rewritten text in their order."""
    fact = re.compile(r"\d+|\b[A-Z][a-z]{2}\b")
    noted = fact.findall(re.sub("Nobody", "nobody", problem.reasoning))
    return texts is not None and fact.findall(texts[0])[-len(noted) :] == noted


def measure_problems(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", problems: Sequence[StarterProblem]
) -> dict[str, float]:
    """Shares of held-out problems of one family."""
    rewrites = [written(reply, "reasoning") for reply in replies(model, tokenizer, list(map(rewrite_lesson, problems)))]
    sums = [written(reply, "summary") for reply in replies(model, tokenizer, list(map(summary_lesson, problems)))]
    return {
        "form": share([texts is not None for texts in (*rewrites, *sums)]),
        "rewrite": share([texts == (rewritten(one),) for one, texts in zip(problems, rewrites, strict=True)]),
        "facts": share([keeps_its_facts(one, texts) for one, texts in zip(problems, rewrites, strict=True)]),
        "answer": share(
            [
                texts is not None and BOXED.findall(texts[0])[-1:] == [one.answer]
                for one, texts in zip(problems, sums, strict=True)
            ]
        ),
    }


def is_answered(request: Request, texts: Texts | None) -> bool:
    """Whether the answer does what the request asks."""
    if texts is None:
        return False
    if request.family != "name":
        return texts[1] == request.answer
    kind = request.prompt.removesuffix(".").split()[-1]
    named = re.findall(r"\w+", texts[1].lower().replace(" and ", " "))
    wanted = len(re.findall(r"\w+", request.answer.replace(" and ", " ")))
    return len(named) == len(set(named)) == wanted and set(named) <= set(KINDS[kind])


def evaluate(folder: Path, *, each: int) -> None:
    """Measure the writer in ``folder`` on ``each`` held-out problems or requests per family and write its card."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    written_well = {
        family: measure_problems(model, tokenizer, list(generate(family, count=each, seed=SEED, split="held_out")))
        for family in FAMILIES
    }
    answered = {}
    for family in REQUEST_FAMILIES:
        asked = list(requests(family, count=each, seed=SEED, split="held_out"))
        said = replies(model, tokenizer, list(map(request_lesson, asked)))
        texts = [written(reply, "reasoning", "answer") for reply in said]
        answered[family] = share([is_answered(one, found) for one, found in zip(asked, texts, strict=True)])
    training = json.loads((folder / "training.json").read_text())
    write_card(folder, training=training, written=written_well, answered=answered, each=each)
    print((folder / "README.md").read_text())


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=MODELS_FOLDER / NAME)
    parser.add_argument("--each", type=int, default=40, help="held-out problems and requests per family")
    arguments = parser.parse_args()
    evaluate(arguments.folder, each=arguments.each)


if __name__ == "__main__":
    main()
