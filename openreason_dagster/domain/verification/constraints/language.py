"""The constraint on the language of a response."""

from typing import ClassVar

from pydantic import field_validator

from openreason_dagster.domain.verification.constraints.constraint import Constraint, Held
from openreason_dagster.domain.verification.response_language import is_in_language
from openreason_dagster.domain.verification.written_languages import LANGUAGES, language_code


class ResponseLanguage(Constraint):
    """The whole response is in one language, an ISO 639-1 code."""

    language: str
    needs_worker: ClassVar[bool] = True

    @field_validator("language")
    @classmethod
    def _can_be_told(cls, language: str) -> str:
        code = language_code(language)
        if code not in LANGUAGES:
            raise ValueError(f"the language cannot be told from others; expected one of {', '.join(sorted(LANGUAGES))}")
        return code

    def holds(self, response: str) -> Held:
        """As `response_language.is_in_language` finds."""
        return is_in_language(response, self.language)
