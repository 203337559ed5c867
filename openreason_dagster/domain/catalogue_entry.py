"""What one file of the model catalogue may say: a model, the engine that runs it, and its price."""

from typing import Literal, Self

from pydantic import Field, model_validator

from openreason_dagster.domain.recipe_sources import HubLocation, Name, require_commit
from openreason_dagster.domain.yaml_model import YamlModel


class Price(YamlModel):
    """What sampling a model costs; budgets in money and the report's cost per kept trace are computed from it."""

    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    input_per_million: float = Field(default=0.0, ge=0)
    """For a million prompt tokens."""
    output_per_million: float = Field(default=0.0, ge=0)
    """For a million generated tokens."""
    per_hour: float = Field(default=0.0, ge=0)
    """For an hour in which the model is sampled, e.g. what the machine is rented for."""


ModelRole = Literal["base", "judge", "writer", "reward"]
"""What a model may be asked as: `base` models are sampled, a judge compares answers, a writer rewrites them, and a
reward model, which generates no text, gives a response a number."""


class _Entry(YamlModel):
    name: Name
    roles: list[ModelRole] = Field(default=["base"], min_length=1)
    """A recipe's `models` selects among those with the role `base` only."""
    revision: str
    """Version of the weights or of the data; another revision makes the model's partitions stale."""
    license: str
    description: str = ""
    price: Price = Price()

    @model_validator(mode="after")
    def _reward_models_score_only(self) -> Self:
        if "reward" in self.roles and (len(self.roles) > 1 or getattr(self, "engine", None) != "transformers"):
            raise ValueError(
                "role `reward` is for sequence-classification weights with engine `transformers`, which generate no "
                "text; give such an entry no other role and that engine"
            )
        return self


class WeightsModel(_Entry):
    """Weights that we load ourselves."""

    path: str
    """Folder relative to the catalogue file, starting with `.` or `/`, or a hub repository taken at `revision`."""


class TransformersModel(WeightsModel):
    """Weights run in process by Hugging Face Transformers, on a GPU if there is one."""

    engine: Literal["transformers"]
    dtype: Literal["float64", "float32", "bfloat16", "float16", "auto"] = "auto"
    batch_size: int = Field(default=32, ge=1)
    """Sequences decoded together."""
    threads: int | None = Field(default=None, ge=1)
    """Processor threads to decode with; by default as many as there are cores."""


class _VllmSettings(WeightsModel):
    dtype: Literal["float32", "bfloat16", "float16", "auto"] = "auto"
    quantization: str | None = None
    """A method vLLM knows, e.g. `awq`, `gptq`, `fp8`; what the weights' own configuration says when left out."""
    maximum_length: int | None = Field(default=None, ge=1)
    """Tokens of prompt and completion together; what the weights' own configuration says when left out."""
    concurrency: int = Field(default=256, ge=1)
    """Sequences decoded together by one replica."""
    memory_share: float = Field(default=0.9, gt=0, le=1)
    """Share of a GPU's memory (on a processor: of the machine's) that weights and key-value cache may take."""
    tensor_parallel: int = Field(default=1, ge=1)
    """GPUs that one replica is spread over."""
    compile: bool = True
    """Whether vLLM compiles the model and captures graphs: faster sampling for a minute of start."""
    options: dict[str, int | float | str | bool] = Field(default_factory=dict)
    """Further engine arguments of vLLM by their own names; part of the fingerprint."""


class VllmModel(_VllmSettings):
    """Weights run by vLLM from this process."""

    engine: Literal["vllm"]
    data_parallel: int = Field(default=1, ge=1)
    """Replicas of the model, each with GPUs of its own."""


class RayModel(_VllmSettings):
    """Weights run by vLLM replicas on a Ray cluster, fed by Ray Data."""

    engine: Literal["ray"]
    replicas: int = Field(default=1, ge=1)
    """Replicas of the model on the cluster."""
    processors_per_replica: float = Field(default=1.0, gt=0)
    """Processor cores reserved for one replica."""
    gpus_per_replica: float | None = Field(default=None, ge=0)
    """GPUs reserved for one replica; `tensor_parallel` when left out, 0 to run on processors."""
    rows_per_batch: int = Field(default=64, ge=1)
    """Requests handed to a replica at a time; their results come back together."""
    rows_per_dataset: int = Field(default=50_000, ge=1)
    """Requests handed to Ray Data at a time, which loads the weights once for them."""


class OpenAIModel(_Entry):
    """Any server that speaks the OpenAI chat or text completions API, or several replicas of one."""

    engine: Literal["openai"]
    base_url: str | list[str]
    """Address up to and including `/v1`; a list when several servers serve the same model."""
    served_model: str
    """Name the server knows the model by."""
    api: Literal["chat", "completions"] = "chat"
    """`completions` sends the template's text without a chat template: for base models."""
    api_key: str | None = None
    """Best given as `${NAME}`; never stored with a trace."""
    concurrency: int = Field(default=16, ge=1)
    """Most HTTP requests in flight at once, over all replicas; fewer while the server says it has too many."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)
    """Prompt and generated tokens together; a request counts its `max_tokens` until it is answered."""
    samples_per_request: int = Field(default=1, ge=1)
    """Samples of one prompt asked in one HTTP request (`n`), for servers that support it; they share one seed."""
    timeout_seconds: float = Field(default=600.0, gt=0)
    max_attempts: int = Field(default=3, ge=1, le=3)
    sends_seed: Literal["yes", "no"] = "yes"
    """Hosted services that refuse `seed` need `no`."""


class DatasetColumns(YamlModel):
    """Which column of a set of imported traces holds what.

    Where completions are a list, a list in another column holds one value for each; where they are objects, a key of
    theirs may be named instead of a column.
    """

    prompt: str
    completions: str
    """A text, a list of texts, or a list of objects."""
    completion_text: str | None = None
    """Key of the text when `completions` is a list of objects."""
    reasoning: str | None = None
    """Where the reasoning is when it is kept apart from the answer."""
    finish_reason: str | None = None
    """Where it says `stop` or `length`; any other value is taken as not stated."""
    completion_tokens: str | None = None
    """Where the number of generated tokens is."""


DatasetLayout = Literal["columns", "openr1_math", "mixture_of_thoughts", "open_thoughts", "s1k", "messages"]
"""How a row holds its traces: as `columns` says, or as the published set of that name does."""


class DatasetModel(_Entry):
    """Traces that somebody else sampled, imported instead of generated."""

    engine: Literal["dataset"]
    path: str | None = None
    """JSONL, CSV or Parquet file, plain or gzip, relative to the catalogue file."""
    repository: str | None = None
    """Instead of `path`: a `datasets` repository, taken at the commit `revision`, or a local folder in the hub's
    layout, starting with `.` or `/`."""
    config: str | None = None
    split: str | None = None
    """Split of the repository."""
    layout: DatasetLayout = "columns"
    columns: DatasetColumns | None = None
    """Needed by the layout `columns` and by no other."""
    record: list[str] = Field(default_factory=list)
    """Further columns to keep with each trace, e.g. row ids, the set's own verdicts, the model that was sampled."""
    limit: int | None = Field(default=None, ge=1)
    """Read this many rows at most."""
    temperature: float | None = None
    """Temperature the traces were sampled at; null when the set does not state it."""

    @property
    def hub(self) -> HubLocation | None:
        """Where the repository is; None for a file."""
        if self.repository is None or self.split is None:
            return None
        is_local = self.repository.startswith((".", "/"))
        revision = None if is_local else self.revision
        return HubLocation(
            kind="hub", repository=self.repository, revision=revision, config=self.config, split=self.split
        )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.repository is None):
            raise ValueError("give `path` for a file or `repository` for a data set of the hub, not both")
        if self.repository is None and (self.config is not None or self.split is not None):
            raise ValueError("`config` and `split` belong to `repository`; remove them")
        if self.repository is not None and self.split is None:
            raise ValueError("`repository` needs `split`, e.g. `split: train`")
        if self.repository is not None and not self.repository.startswith((".", "/")):
            try:
                require_commit(self.revision)
            except ValueError as error:
                raise ValueError(f"`revision` of a hub repository: found {self.revision!r}; {error}") from error
        return self

    @model_validator(mode="after")
    def _columns_fit_layout(self) -> Self:
        if (self.layout == "columns") != (self.columns is not None):
            raise ValueError("`columns` is needed by the layout `columns`, which is the default, and by no other")
        return self


CatalogueModel = TransformersModel | VllmModel | RayModel | OpenAIModel | DatasetModel
ENTRY_BY_ENGINE: dict[
    str, type[TransformersModel] | type[VllmModel] | type[RayModel] | type[OpenAIModel] | type[DatasetModel]
] = {
    "transformers": TransformersModel,
    "vllm": VllmModel,
    "ray": RayModel,
    "openai": OpenAIModel,
    "dataset": DatasetModel,
}
