"""Identity of things: hashes of prompts, requests and everything that was asked for.

A hash is the first 16 bytes of SHA-256 over canonical JSON, as 32 hexadecimal digits. Values without a stable JSON
form are refused instead of guessed.
"""

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path


def stable_hash(value: object) -> str:
    """32 hexadecimal digits; equal for equal JSON values whatever the order of keys.

    Raises:
        TypeError: the value has no stable JSON form.
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def normalise_text(text: str) -> str:
    """Text as compared between prompts: Unicode NFKC, case folded, runs of white space as one space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def prompt_id(prompt: str, verifier: str, verifier_spec: str) -> str:
    """Identity of a prompt: its normalised text and how an answer to it is verified."""
    return stable_hash([normalise_text(prompt), verifier, json.loads(verifier_spec)])


def trace_id(prompt: str, model: str, *, temperature: str, sample_index: int, fingerprint: str) -> str:
    """Identity of one sample; `prompt` is a prompt_id."""
    return stable_hash([prompt, model, temperature, sample_index, fingerprint])


def request_seed(prompt: str, model: str, *, temperature: str, sample_index: int) -> int:
    """Seed of one request, 0 to 2^63 - 1; `prompt` is a prompt_id."""
    return int(stable_hash(["seed", prompt, model, temperature, sample_index])[:16], 16) >> 1


def folder_hash(folder: Path) -> Mapping[str, str]:
    """SHA-256 per file of a model folder, by name; documentation files are left out.

    Raises:
        OSError: a file cannot be read.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.suffix != ".md")
    return {path.name: file_hash(path) for path in files}


def tree_hash(folder: Path) -> Mapping[str, str]:
    """SHA-256 of every file below a folder of data, by relative path; hidden files are left out.

    Raises:
        OSError: a file cannot be read.
    """
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {
        path.as_posix(): file_hash(folder / path)
        for path in files
        if not any(part.startswith(".") for part in path.parts)
    }


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal, read in blocks; a file that has not changed is read once per process."""
    state = path.stat()
    return _hash_of(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=1024)
def _hash_of(path: Path, size: int, modified: int) -> str:
    """The hash of a file as it is at this size and time of modification, which stand for its content."""
    del size, modified
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
