"""A batch of sequences that grow by one token a step; rows leave when they finish and others take their place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.records import Request
from openreason_dagster.resources.engines.column_cache import ColumnCache
from openreason_dagster.resources.engines.token_choice import choose_tokens, uniform_stream

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

ALL_TOKENS = 2**62
"""A top_k that leaves no token out."""
STOP_CHECK_STEPS = 16
"""Steps between two looks for stop strings; what is written beyond one is cut off."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A request with its encoded prompt."""

    request: Request
    ids: tuple[int, ...]
    opened_think: bool
    limit: int
    """Tokens that may be generated."""


@dataclass(frozen=True)
class Finished:
    """A job with the tokens generated for it, the end token included."""

    job: Job
    tokens: list[int]


@dataclass(frozen=True, kw_only=True)
class Decoder:
    """What the batch needs to know of a model."""

    network: "PreTrainedModel"
    end_ids: tuple[int, ...]
    has_stopped: Callable[[Job, list[int]], bool]
    """Whether the tokens written for a job hold one of its stop strings."""


class ContinuousBatch:
    """Up to `rows` sequences. A row without a job is computed and ignored."""

    def __init__(self, decoder: Decoder, rows: int) -> None:
        import torch

        device = decoder.network.device
        self._decoder = decoder
        self._jobs: list[Job | None] = [None] * rows
        self._cache = ColumnCache(rows, device=device)
        self._steps = 0
        self._end_ids = torch.tensor(decoder.end_ids, dtype=torch.int64, device=device)
        whole = {"dtype": torch.int64, "device": device}
        real = {"dtype": torch.float64, "device": device}
        self._state: dict[str, Tensor] = {
            "token": torch.full((rows,), decoder.end_ids[0], **whole),
            "position": torch.zeros(rows, **whole),
            "generated": torch.zeros(rows, **whole),
            "limit": torch.zeros(rows, **whole),
            "temperature": torch.zeros(rows, **real),
            "top_p": torch.ones(rows, **real),
            "top_k": torch.full((rows,), ALL_TOKENS, **whole),
            "uniforms": torch.zeros((rows, 1), **real),
            "tokens": torch.zeros((rows, 1), **whole),
        }

    @property
    def free_rows(self) -> list[int]:
        """Rows that take a new job."""
        return [row for row, job in enumerate(self._jobs) if job is None]

    @property
    def busy_rows(self) -> list[int]:
        """Rows with a job."""
        return [row for row, job in enumerate(self._jobs) if job is not None]

    def admit(self, jobs: Sequence[Job]) -> list[Finished]:
        """Read the prompts of new jobs into free rows and choose their first tokens; returns jobs this finished."""
        import torch

        if not jobs:
            return []
        rows = self.free_rows[: len(jobs)]
        with torch.inference_mode():
            logits = self._prefill(jobs, rows)
            self._place(jobs, rows)
            self._cache.forget_all_but(self.busy_rows)
            return self._append(logits, torch.tensor(rows, device=logits.device))

    def step(self) -> list[Finished]:
        """Add one token to every row; returns the jobs that this finished."""
        import torch

        if not self.busy_rows:
            return []
        self._steps += 1
        with torch.inference_mode():
            self._cache.reserve(1)
            logits = self._forward(self._state["token"][:, None], self._state["position"][:, None], self._cache)
            self._state["position"] += 1
            finished = self._append(logits, torch.arange(len(self._jobs), device=logits.device))
        if self._steps % STOP_CHECK_STEPS == 0:
            finished += self._collect([row for row in self.busy_rows if self._has_stopped(row)])
        return finished

    def shrink(self) -> None:
        """Drop the rows without a job."""
        import torch

        rows = self.busy_rows
        self._cache.select(rows)
        index = torch.tensor(rows, dtype=torch.int64, device=self._end_ids.device)
        self._state = {name: tensor[index] for name, tensor in self._state.items()}
        self._jobs = [self._jobs[row] for row in rows]

    def _prefill(self, jobs: Sequence[Job], rows: Sequence[int]) -> "Tensor":
        """Read each distinct prompt once; logits of the first new token [jobs, vocabulary]."""
        import torch

        prompts = list(dict.fromkeys(job.ids for job in jobs))
        sources = [prompts.index(job.ids) for job in jobs]
        width = max(len(prompt) for prompt in prompts)
        pad, device = self._decoder.end_ids[0], self._end_ids.device
        ids = torch.tensor([[pad] * (width - len(prompt)) + list(prompt) for prompt in prompts], device=device)
        lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)[:, None]
        positions = (torch.arange(width, device=device) - (width - lengths)).clamp(min=0)
        cache = ColumnCache(len(prompts), device=device)
        cache.reserve(width)
        cache.set_lengths([len(prompt) for prompt in prompts])
        logits = self._forward(ids, positions, cache)
        self._cache.adopt(cache, sources=sources, targets=rows)
        return logits[torch.tensor(sources, device=device)]

    def _forward(self, ids: "Tensor", positions: "Tensor", cache: ColumnCache) -> "Tensor":
        logits = self._decoder.network(
            input_ids=ids,
            attention_mask=cache.mask(),
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        if not bool(logits.amax(dim=-1).isfinite().all()):
            raise EngineError(
                "the model's logits are not finite numbers. Give its catalogue entry another `dtype` (bfloat16 or "
                "float32), or check the weights."
            )
        return logits

    def _place(self, jobs: Sequence[Job], rows: Sequence[int]) -> None:
        import torch

        state, device = self._state, self._end_ids.device
        self._widen(max(job.limit for job in jobs))
        index = torch.tensor(rows, device=device)
        parameters = [job.request.parameters for job in jobs]
        columns = {
            "position": [len(job.ids) for job in jobs],
            "generated": [0] * len(jobs),
            "limit": [job.limit for job in jobs],
            "temperature": [each.temperature for each in parameters],
            "top_p": [each.top_p for each in parameters],
            "top_k": [each.top_k or ALL_TOKENS for each in parameters],
        }
        for name, values in columns.items():
            state[name][index] = torch.tensor(values, dtype=state[name].dtype, device=device)
        for row, job in zip(rows, jobs, strict=True):
            self._jobs[row] = job
            state["uniforms"][row, : job.limit] = uniform_stream(job.request.seed, job.limit).to(device)

    def _append(self, logits: "Tensor", rows: "Tensor") -> list[Finished]:
        """Choose and store one token for each of `rows`, logits [rows, vocabulary]; returns jobs that this finished."""
        import torch

        state = self._state
        column = state["generated"][rows].clamp(max=state["tokens"].shape[1] - 1)
        tokens = choose_tokens(
            logits,
            state["uniforms"][rows, column],
            temperature=state["temperature"][rows],
            top_p=state["top_p"][rows],
            top_k=state["top_k"][rows],
        )
        state["tokens"][rows, column] = tokens
        state["token"][rows] = tokens
        state["generated"][rows] = column + 1
        is_last = torch.isin(tokens, self._end_ids) | (column + 1 >= state["limit"][rows])
        return self._collect([row for row in rows[is_last].tolist() if self._jobs[row] is not None])

    def _collect(self, rows: Sequence[int]) -> list[Finished]:
        finished = []
        for row in rows:
            job = self._jobs[row]
            assert job is not None
            finished.append(Finished(job, self._written(row)))
            self._jobs[row] = None
        if rows:
            self._cache.forget_all_but(self.busy_rows)
        return finished

    def _has_stopped(self, row: int) -> bool:
        job = self._jobs[row]
        if job is None or not job.request.parameters.stop:
            return False
        return self._decoder.has_stopped(job, self._written(row))

    def _written(self, row: int) -> list[int]:
        tokens: list[int] = self._state["tokens"][row, : int(self._state["generated"][row])].tolist()
        return tokens

    def _widen(self, columns: int) -> None:
        """Make room for `columns` tokens per row."""
        for name in ("uniforms", "tokens"):
            old = self._state[name]
            if old.shape[1] < columns:
                wider = old.new_zeros((old.shape[0], columns))
                wider[:, : old.shape[1]] = old
                self._state[name] = wider
