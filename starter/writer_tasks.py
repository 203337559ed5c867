r"""How the starter writer is taught to write about the problem families: from question and notes to readable text.

Both texts of a family are functions of what the writer is shown, so that nothing has to be worked out again, only to be
found and put into words: the rewrite of the notes in the first person, and the summary that ends in ``\boxed{}``.
"""

import re

from openreason_dagster.domain.seeds.starter_tasks import StarterProblem

COLUMN = re.compile(r"[\d+]+=\d+")
CHOICE = re.compile(r"(\d+) or (\d+): (\d+)\.")


def rewritten(problem: StarterProblem) -> str:
    """The notes as somebody thinking aloud would say them, with their numbers and names in their order."""
    question, notes = problem.question, problem.reasoning
    if problem.family == "addition":
        columns = ", then ".join(COLUMN.findall(notes))
        total = notes.split()[-1]
        return f"I am asked for {_terms(question)}. I add column by column: {columns}. So I get {total}."
    if problem.family == "comparison":
        steps = " ".join(f"Of {one} and {other} I keep {kept}." for one, other, kept in CHOICE.findall(notes))
        return f"I am asked for the {_wanted(question)} number. {steps} I am done."
    steps = notes.removesuffix(".").split(". ")
    if problem.family == "ordering":
        end = steps[-1].replace("Nobody", "nobody")
        seen = " ".join(f"I see that {step}." for step in steps[:-1])
        return f"I am asked for the {_wanted(question)}. {seen} I know that {end}.".replace(".  ", ". ")
    liars = steps[-1].split()[-1]
    seen = " ".join(f"I see that {step}." for step in steps[:-1])
    return f"I am asked how many lie. {seen} So I count {liars}."


def summarised(problem: StarterProblem) -> str:
    """The solution for the person who asked, which says what decides it and ends in the boxed answer."""
    boxed = f"\\boxed{{{problem.answer}}}"
    if problem.family == "addition":
        return f"The columns are {', '.join(COLUMN.findall(problem.reasoning))}, so the sum is {boxed}."
    if problem.family == "comparison":
        return f"Going from left to right, the {_wanted(problem.question)} number is {boxed}."
    if problem.family == "ordering":
        reason = problem.reasoning.removesuffix(".").split(". ")[-1].replace("Nobody", "nobody")
        return f"Because {reason}, the {_wanted(problem.question)} is {boxed}."
    liars = problem.reasoning.removesuffix(".").split()[-1]
    return f"There are {liars} who lie, so the answer is {boxed}."


def _terms(question: str) -> str:
    return question.removeprefix("What is ").removesuffix("?")


def _wanted(question: str) -> str:
    found = re.search(r"the (\w+est)\b", question)
    if found is None:
        raise ValueError(f"the question {question!r} asks for no superlative; expected one, as in `the tallest`.")
    return found[1]
