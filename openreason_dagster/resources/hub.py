"""The Hugging Face Hub as the place where releases go: one private data set repository each, filled and then opened.

`HF_ENDPOINT` names another server that speaks the Hub's API. An upload that was broken off goes on when it is asked for
again: what the server has is not sent twice.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from openreason_dagster.domain.errors import ReleaseError

Visibility = Literal["private", "public"]
_REMEDY_BY_STATUS = {
    401: "The server does not know the token in HF_TOKEN; make a new one with the permission to write "
    "(on the Hub: Settings, Access Tokens).",
    402: "The account's plan does not cover it; look at the account's billing page.",
    403: "The token in HF_TOKEN may not write there; give it the permission to write, or use another namespace.",
    404: "Check the name, owner/name, and that the token in HF_TOKEN may see the repository.",
    413: "The server refuses files of that size; build the release with a smaller `release.rows_per_shard`.",
    429: "The server asks to wait; start the same command again later, it goes on where it stopped.",
}
_GO_ON = "Start the same command again when the server answers; it goes on where it stopped."


@dataclass(frozen=True, kw_only=True)
class Published:
    """Where a release went."""

    url: str
    commit: str
    """Commit of the repository that holds it."""
    visibility: Visibility


def publish_folder(
    folder: Path, files: Sequence[str], *, repository: str, token: str, visibility: Visibility
) -> Published:
    """Make the repository hold exactly these files of the folder as its data, and nothing else of the machine.

    The repository is made private if it is not there, and is opened only when everything has arrived. Data files of
    an earlier release are removed from its newest state.

    Raises:
        ReleaseError: the repository is public and `visibility` is private, the server refuses, or it cannot be reached.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    api = HfApi(token=token, library_name="openreason")
    with _explained(repository):
        api.create_repo(repository, repo_type="dataset", private=True, exist_ok=True)
        is_private = bool(api.repo_info(repository, repo_type="dataset").private)
        if visibility == "private" and not is_private:
            raise ReleaseError(
                f"the repository {repository!r} exists and is public, but the release is to be private. Name another "
                "repository, or publish with --visibility public."
            )
        commit = api.upload_folder(
            repo_id=repository,
            repo_type="dataset",
            folder_path=folder,
            allow_patterns=list(files),
            delete_patterns=["data/*"],
            commit_message="Release",
        )
        if visibility == "public" and is_private:
            api.update_repo_settings(repository, repo_type="dataset", visibility="public")
    return Published(url=f"{api.endpoint}/datasets/{repository}", commit=commit.oid, visibility=visibility)


@contextmanager
def _explained(repository: str) -> Iterator[None]:
    from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError is of the HTTP library it uses
        HfHubHTTPError,
        HFValidationError,
        HTTPError,
    )

    try:
        yield
    except HFValidationError as error:
        raise ReleaseError(f"{repository!r} is no name of a repository ({error}). Give it as owner/name.") from error
    except HfHubHTTPError as error:
        raise _refusal(repository, error, status=error.response.status_code) from error
    except ValueError as error:  # the card's header
        raise ReleaseError(f"the server refuses the release: {_first_line(error)}. Correct the recipe.") from error
    except (HTTPError, OSError, RuntimeError) as error:
        cause = error.__cause__
        if isinstance(cause, HfHubHTTPError):
            raise _refusal(repository, cause, status=cause.response.status_code) from error
        raise ReleaseError(
            f"the upload to {repository!r} was broken off: {_first_line(cause or error)}. {_GO_ON}"
        ) from error


def _refusal(repository: str, error: Exception, *, status: int) -> ReleaseError:
    remedy = _REMEDY_BY_STATUS.get(status, _GO_ON)
    return ReleaseError(f"the server refused the upload to {repository!r}: {_first_line(error)}. {remedy}")


def _first_line(error: BaseException) -> str:
    """What it says in one line, which may be empty, and its kind."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('. ')}" if lines else type(error).__name__
