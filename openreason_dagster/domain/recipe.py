"""The recipe: one YAML file that says what to build. Unknown keys and impossible combinations are refused here.

What needs other files or modules to tell is refused in `recipe_checks`, which reads recipes. Paths in a recipe are
relative to the recipe's own folder.
"""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from openreason_dagster.domain.catalogue_entry import ModelRole
from openreason_dagster.domain.recipe_budget import Budget
from openreason_dagster.domain.recipe_chat import ChatSftData, ChatSource
from openreason_dagster.domain.recipe_cold_start import ColdStart
from openreason_dagster.domain.recipe_curation import Curation
from openreason_dagster.domain.recipe_datasets import ReasoningData, SftMix
from openreason_dagster.domain.recipe_non_reasoning import CotPrompted, NonReasoningData
from openreason_dagster.domain.recipe_open_answers import SafetySet
from openreason_dagster.domain.recipe_pool import Pool
from openreason_dagster.domain.recipe_preference import PreferencePairs
from openreason_dagster.domain.recipe_references import References
from openreason_dagster.domain.recipe_release import Release, Report
from openreason_dagster.domain.recipe_rewards import ModelRewards
from openreason_dagster.domain.recipe_rl_prompts import RlPrompts
from openreason_dagster.domain.recipe_roles import Judge
from openreason_dagster.domain.recipe_sampling import Sampling
from openreason_dagster.domain.recipe_sources import Benchmark, FileSource, HubSource, Name, ProceduralSource, Source
from openreason_dagster.domain.recipe_verification import Verification
from openreason_dagster.domain.yaml_model import YamlModel

IMPORTED = "imported"
"""Temperature key of traces whose sampling temperature is not known."""


class RewardWeights(YamlModel):
    """Weights of the total; R1 sums them unweighted."""

    accuracy: float = 1.0
    format: float = 1.0
    language_consistency: float = 1.0


class Recipe(YamlModel):
    """What to build, from sources to release."""

    name: Name
    title: str
    description: str = ""
    seed: int
    sources: list[Source] = Field(min_length=1)
    benchmarks: list[Benchmark] = Field(default_factory=list)
    chat_sources: list[ChatSource] = Field(default_factory=list)
    """Conversations to take over for OR2."""
    models: list[str]
    """Catalogue names; `*` stands for any text and a leading `!` excludes. An empty list samples nothing: what is
    made then are the pool and RL prompts."""
    temperatures: list[float | Literal["imported"]] = Field(min_length=1)
    curation: Curation = Curation()
    pool: Pool = Pool()
    sampling: Sampling
    budget: Budget = Budget()
    verification: Verification = Verification()
    references: References = References()
    reward_weights: RewardWeights = RewardWeights()
    rewards: ModelRewards = ModelRewards()
    """Scores of reward models, beside the total and never part of it."""
    reasoning_data: ReasoningData = ReasoningData()
    cold_start: ColdStart | None = None
    """Without it there is no cold-start data (OR1)."""
    chat_sft_data: ChatSftData = ChatSftData()
    cot_prompted: CotPrompted | None = None
    """Without it nothing is answered after a prompted chain of thought (OR6)."""
    non_reasoning_data: NonReasoningData = NonReasoningData()
    sft_mix: SftMix = SftMix()
    rl_prompts: RlPrompts = RlPrompts()
    preference_pairs: PreferencePairs = PreferencePairs()
    safety_set: SafetySet | None = None
    """Without it no answer is labelled safe or unsafe."""
    release: Release
    report: Report = Report()

    @field_validator("temperatures")
    @classmethod
    def _temperatures_make_sense(cls, values: list[float | str]) -> list[float | str]:
        for value in values:
            if isinstance(value, float) and not 0 <= value <= 2:
                raise ValueError(f"temperature {value:g} is outside 0 to 2")
        if len(set(values)) != len(values):
            raise ValueError("a temperature is listed twice")
        return values

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        for what, names in (
            ("source", [source.name for source in (*self.sources, *self.chat_sources)]),
            ("benchmark", [benchmark.name for benchmark in self.benchmarks]),
        ):
            repeated = sorted({name for name in names if names.count(name) > 1})
            if repeated:
                raise ValueError(f"{what} name {repeated[0]!r} is used twice; names are partition keys")
        return self

    @model_validator(mode="after")
    def _judged_sources_are_listed(self) -> Self:
        names = {source.name for source in (*self.sources, *self.chat_sources)}
        for key, stage in (("preference_pairs.votes", self.preference_pairs.votes), ("safety_set", self.safety_set)):
            unknown = sorted(set(stage.sources or ()) - names) if stage is not None else []
            if unknown:
                raise ValueError(
                    f"`{key}.sources` names {unknown[0]!r}, which is neither among `sources` nor among `chat_sources`; "
                    "correct the name or add the source"
                )
        return self

    @model_validator(mode="after")
    def _cold_start_has_its_temperature(self) -> Self:
        wanted = self.cold_start and temperature_key(self.cold_start.temperature)
        if wanted and wanted not in self.temperature_keys:
            raise ValueError(
                f"`cold_start.temperature` is {wanted}, which is not among `temperatures` "
                f"({', '.join(self.temperature_keys)}); name one of them or add it"
            )
        return self

    @model_validator(mode="after")
    def _rounds_fill_the_mix(self) -> Self:
        adaptive, kept = self.sampling.adaptive, self.reasoning_data.traces_per_prompt
        if adaptive is not None and adaptive.enough_correct < kept:
            raise ValueError(
                f"`sampling.adaptive.enough_correct` is {adaptive.enough_correct}, but "
                f"`reasoning_data.traces_per_prompt` keeps up to {kept} correct traces of a prompt; "
                "raise the one or lower the other"
            )
        return self

    @model_validator(mode="after")
    def _judge_fits(self) -> Self:
        judged = [source.name for source in self.sources if getattr(source, "verifier", None) == "judge"]
        if judged and self.verification.judge is None:
            raise ValueError(
                f"source {judged[0]!r} has the verifier `judge`, but `verification.judge` names no model; add it, e.g. "
                "`verification: {judge: {model: NAME}}`"
            )
        if self.sampling.adaptive is not None and (judged or self.verification.decided_by != "rule"):
            raise ValueError(
                "`sampling.adaptive` decides by verdicts while it samples, which a judge model cannot give in time; "
                "use `sampling.samples_per_prompt`, or `verification.decided_by: rule` without verifier `judge`"
            )
        return self

    @property
    def temperature_keys(self) -> list[str]:
        """Partition keys, in the recipe's order, e.g. `['0.3', '0.6', '1.2']`."""
        return [temperature_key(value) for value in self.temperatures]

    @property
    def judges(self) -> dict[str, Judge]:
        """The judges that stages ask, by recipe key, e.g. `safety_set.judge`."""
        stages = {
            "verification": self.verification,
            "cot_prompted": self.cot_prompted,
            "preference_pairs.votes": self.preference_pairs.votes,
            "safety_set": self.safety_set,
        }
        named = {f"{key}.judge": stage.judge for key, stage in stages.items() if stage is not None}
        return {key: judge for key, judge in named.items() if judge is not None}

    @property
    def asked_models(self) -> dict[str, tuple[ModelRole, str]]:
        """Role and catalogue name of each model that a stage asks for help, by recipe key."""
        writing = {"cold_start": self.cold_start, "cot_prompted": self.cot_prompted}
        return {
            **{f"{key}.model": ("judge", judge.model) for key, judge in self.judges.items()},
            **{f"{key}.writer.model": ("writer", stage.writer.model) for key, stage in writing.items() if stage},
            **{f"rewards.{reward}.model": ("reward", scorer.model) for reward, scorer in self.rewards.named.items()},
        }

    @property
    def models_in_roles(self) -> dict[ModelRole, set[str]]:
        """Catalogue names of the models that stages ask for help, by role: judge, writer and reward."""
        found: dict[ModelRole, set[str]] = {"judge": set(), "writer": set(), "reward": set()}
        for role, model in self.asked_models.values():
            found[role].add(model)
        return found

    def source(self, name: str) -> "ProceduralSource | FileSource | HubSource":
        """The source of that name; KeyError if there is none."""
        return {source.name: source for source in self.sources}[name]


def temperature_key(value: float | str) -> str:
    """Partition key of a temperature: shortest decimal with at least one place, or `imported`."""
    return value if isinstance(value, str) else str(float(value))
