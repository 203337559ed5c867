"""From a seed prompt to the messages a model is asked with. Templates are text files holding `{prompt}`.

Shipped templates: `plain` (the prompt as it is), `boxed` (asks for step-by-step reasoning and a boxed answer), and the
published ones `r1_zero`, `open_r1`, `tinyzero`, `tinyzero_instruct` and `s1`, word for word. `templates/README.md` says
where each comes from and which models it is for.
"""

from pathlib import Path

from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.domain.records import Message

PLACEHOLDER = "{prompt}"
_FOLDER = Path(__file__).parent / "templates"


def template_names() -> list[str]:
    """Names of the shipped templates, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.txt"))


def read_template(template: str, *, recipe_folder: Path, key: str = "sampling.template") -> str:
    """Text of a template: a shipped one by name, or a file by its path relative to the recipe's folder.

    One line break at the end of the file is not part of the template. `key` is the recipe's, for messages.

    Raises:
        RecipeError: neither a known name nor a readable file, or the text lacks `{prompt}`.
    """
    is_shipped = template in template_names()
    path = _FOLDER / f"{template}.txt" if is_shipped else recipe_folder / template
    if not path.is_file():
        raise RecipeError(
            f"recipe key `{key}`: found {template!r}, which is neither a shipped template "
            f"({', '.join(template_names())}) nor a file below {str(recipe_folder)!r}. Use one of these names, "
            "or add the file."
        )
    text = _read(path, key).removesuffix("\n").removesuffix("\r")
    if PLACEHOLDER not in text:
        raise RecipeError(
            f"recipe key `{key}`: {path} lacks `{PLACEHOLDER}`, so the prompt would not be asked. Add it."
        )
    return text


def build_messages(prompt: str, template: str, system_prompt: str | None) -> tuple[Message, ...]:
    """Messages to send: the system prompt, if any, then the template's text with the prompt in place of `{prompt}`.

    Braces within the prompt have no meaning: LaTeX and code pass through untouched.
    """
    user = Message(role="user", content=template.replace(PLACEHOLDER, prompt))
    if system_prompt is None:
        return (user,)
    return (Message(role="system", content=system_prompt), user)


def _read(path: Path, key: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"recipe key `{key}`: {path} cannot be read ({error}). Give a UTF-8 text file.") from error
