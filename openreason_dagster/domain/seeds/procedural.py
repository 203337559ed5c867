"""Generated problems as seed rows: the starter's held-out families, and tasks of the reasoning-gym package."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from openreason_dagster.domain.errors import SourceError
from openreason_dagster.domain.provenance import prompt_id
from openreason_dagster.domain.recipe_sources import ProceduralSource
from openreason_dagster.domain.records import SeedPrompt
from openreason_dagster.domain.seeds.seed_batch import DroppedRow
from openreason_dagster.domain.seeds.starter_tasks import StarterProblem, generate, require_family
from openreason_dagster.domain.seeds.task_process import exact_text, repeatable_entries
from openreason_dagster.domain.verification.procedural_tasks import require_safe_task

UNREPEATABLE_TASKS = frozenset({"isomorphic_strings", "knight_swap", "list_functions", "ransom_note", "word_ladder"})
"""Tasks whose problems depend on more than the seed; they are generated in a process that fixes the rest."""
_ANSWERS_IN_METADATA = {
    "graph_color": "possible_answer",
    "propositional_logic": "example_answer",
    "rubiks_cube": "example_correct_answer",
}


def procedural_rows(source: ProceduralSource) -> Iterator[SeedPrompt | DroppedRow]:
    """`count` rows of the source's task, numbered from 0; the same source gives the same rows.

    The starter's problems come from the split that its models never saw.

    Raises:
        SourceError: the task or one of its options is unknown, or the task cannot be generated or verified safely.
    """
    require_usable_task(source.task)
    family, _, task = source.task.partition("/")
    if family == "starter":
        problems = generate(task, count=source.count, seed=source.seed, split="held_out")
        return (_starter_prompt(source, str(number), problem) for number, problem in enumerate(problems))
    return _reasoning_gym_rows(source, task)


def require_usable_task(task: str) -> None:
    """Refuse a task, written as in a recipe, that cannot be verified safely.

    Raises:
        SourceError: naming the task, the reason and the remedy.
    """
    package, _, name = task.partition("/")
    if package == "starter":
        require_family(name)
        return
    require_safe_task(name)


def _starter_prompt(source: ProceduralSource, row_id: str, problem: StarterProblem) -> SeedPrompt:
    spec = json.dumps(problem.verifier_spec, ensure_ascii=False)
    return SeedPrompt(
        prompt_id=prompt_id(problem.question, problem.verifier, spec),
        source=source.name,
        source_row_id=row_id,
        domain=source.domain or problem.domain,
        language=source.language,
        prompt=problem.question,
        reference_answer=problem.answer,
        solution=f"{problem.reasoning}\n{problem.conclusion}",
        verifier=problem.verifier,
        verifier_spec=spec,
        license=source.license,
        topic=_topic(problem.family),
    )


def _reasoning_gym_rows(source: ProceduralSource, task: str) -> Iterator[SeedPrompt | DroppedRow]:
    for number, entry in enumerate(_reasoning_gym_entries(source, task)):
        yield _reasoning_gym_row(source, task, row_id=str(number), entry=entry)


def _reasoning_gym_entries(source: ProceduralSource, task: str) -> Iterator[Mapping[str, Any]]:
    where = f"source {source.name!r}, task {source.task!r}"
    try:
        if task in UNREPEATABLE_TASKS:
            yield from repeatable_entries(task, count=source.count, seed=source.seed, options=source.options)
        else:
            yield from _entries_here(source, task)
    except (ValueError, TypeError, AssertionError) as error:
        raise SourceError(
            f"{where}: cannot be generated with options {source.options} ({error}). Correct the task or its options."
        ) from error


def _entries_here(source: ProceduralSource, task: str) -> Iterator[Mapping[str, Any]]:
    import reasoning_gym

    dataset = reasoning_gym.create_dataset(task, size=source.count, seed=source.seed, **source.options)
    for number in range(source.count):
        yield dataset[number]


def _reasoning_gym_row(
    source: ProceduralSource, task: str, *, row_id: str, entry: Mapping[str, Any]
) -> SeedPrompt | DroppedRow:
    answer = _answer(task, entry)
    if not answer:
        detail = f"task {source.task!r} gives no answer to this problem"
        return DroppedRow(source=source.name, source_row_id=row_id, reason="no_reference", detail=detail)
    spec = _spec(source, task, entry["metadata"])
    return SeedPrompt(
        prompt_id=prompt_id(entry["question"], "procedural", spec),
        source=source.name,
        source_row_id=row_id,
        domain=str(source.domain),
        language=source.language,
        prompt=entry["question"],
        reference_answer=answer,
        solution=None,
        verifier="procedural",
        verifier_spec=spec,
        license=source.license,
        topic=_topic(task),
    )


def _topic(task: str) -> str:
    """A generated problem is about its task."""
    return task.replace("_", " ")


def _answer(task: str, entry: Mapping[str, Any]) -> str | None:
    """The package's own answer, which it keeps in the metadata where there are many right ones."""
    answer = entry["metadata"][_ANSWERS_IN_METADATA[task]] if task in _ANSWERS_IN_METADATA else entry["answer"]
    return json.dumps(answer) if isinstance(answer, dict) else answer


def _spec(source: ProceduralSource, task: str, metadata: object) -> str:
    spec = {"task": task, "entry": {"metadata": metadata}}
    try:
        return json.dumps(spec, ensure_ascii=False, allow_nan=False, default=exact_text)
    except (TypeError, ValueError) as error:
        raise SourceError(
            f"source {source.name!r}, task {source.task!r}: its metadata has no JSON form ({error}), so that answers "
            f"could not be verified later. Use another task."
        ) from error
