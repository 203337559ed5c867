import pytest

from openreason_dagster.domain.catalogue_entry import DatasetColumns, DatasetModel, OpenAIModel, TransformersModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.inference.fingerprint import fingerprint, sampling_record, weights_identity
from openreason_dagster.domain.recipe import Sampling

SAMPLING = Sampling(samples_per_prompt=4, max_tokens=64)
LOCAL = TransformersModel(name="m", revision="1", license="x", engine="transformers", path="weights")
SERVED = OpenAIModel(
    name="m", revision="1", license="x", engine="openai", base_url="http://a/v1", served_model="s", api_key="k"
)
IMPORTED = DatasetModel(
    name="m",
    revision="1",
    license="x",
    engine="dataset",
    path="t.jsonl",
    columns=DatasetColumns(prompt="q", completions="a"),
)


def identity(model=LOCAL, sampling=SAMPLING, *, temperature=0.6, template="{prompt}", weights=None):
    record = sampling_record(
        model, sampling, temperature=temperature, template=template, weights=weights or {"model.safetensors": "00"}
    )
    return fingerprint(record)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"temperature": 0.7}, id="temperature"),
        pytest.param({"template": "Q: {prompt}"}, id="template-text"),
        pytest.param({"weights": {"model.safetensors": "01"}}, id="weights"),
        pytest.param({"weights": {"model.safetensors": "00", "chat_template.jinja": "02"}}, id="chat-template"),
        pytest.param({"model": LOCAL.model_copy(update={"revision": "2"})}, id="revision"),
        pytest.param({"model": LOCAL.model_copy(update={"dtype": "float64"})}, id="dtype"),
        pytest.param({"sampling": SAMPLING.model_copy(update={"max_tokens": 65})}, id="max-tokens"),
        pytest.param({"sampling": SAMPLING.model_copy(update={"top_p": 0.9})}, id="top-p"),
        pytest.param({"sampling": SAMPLING.model_copy(update={"top_k": 5})}, id="top-k"),
        pytest.param({"sampling": SAMPLING.model_copy(update={"system_prompt": "s"})}, id="system-prompt"),
    ],
)
def test_what_can_change_a_completion_changes_it(other):
    assert identity(**other) != identity()


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"model": LOCAL.model_copy(update={"batch_size": 7})}, id="batch-size"),
        pytest.param({"model": LOCAL.model_copy(update={"threads": 3})}, id="threads"),
        pytest.param({"model": LOCAL.model_copy(update={"path": "moved"})}, id="moved-folder"),
        pytest.param({"sampling": SAMPLING.model_copy(update={"samples_per_prompt": 9})}, id="more-samples"),
        pytest.param({"sampling": SAMPLING.model_copy(update={"commit_rows": 9})}, id="commit-size"),
    ],
)
def test_what_cannot_leaves_it(other):
    assert identity(**other) == identity()


@pytest.mark.parametrize(
    "other", [{"base_url": "http://b/v1"}, {"api_key": "other"}, {"concurrency": 99}, {"timeout_seconds": 1.0}], ids=str
)
def test_a_servers_environment_leaves_it(other):
    assert identity(SERVED.model_copy(update=other)) == identity(SERVED)


def test_imported_traces_depend_on_file_and_columns_only():
    columns = DatasetColumns(prompt="q", completions="b")
    assert identity(IMPORTED, SAMPLING.model_copy(update={"max_tokens": 1}), template="x{prompt}") == identity(IMPORTED)
    assert identity(IMPORTED.model_copy(update={"columns": columns})) != identity(IMPORTED)
    assert identity(IMPORTED, weights={"sha256": "1"}) != identity(IMPORTED)


REPOSITORY = DatasetModel(
    name="m",
    revision="0" * 40,
    license="x",
    engine="dataset",
    repository="owner/name",
    split="train",
    layout="openr1_math",
)


@pytest.mark.parametrize(
    "other",
    [{"layout": "messages"}, {"record": ["uuid"]}, {"revision": "1" * 40}],
    ids=["layout", "record", "revision"],
)
def test_what_is_taken_from_a_repository_changes_it(other):
    assert identity(REPOSITORY.model_copy(update=other)) != identity(REPOSITORY)


def test_how_many_rows_are_read_leaves_it():
    assert identity(REPOSITORY.model_copy(update={"limit": 9})) == identity(REPOSITORY)


def test_a_repository_is_known_by_its_name_config_and_split(tmp_path):
    known = weights_identity(REPOSITORY, tmp_path)
    assert known == {"repository": "owner/name", "config": "", "split": "train"}
    assert weights_identity(REPOSITORY.model_copy(update={"config": "c"}), tmp_path) != known
    assert weights_identity(REPOSITORY.model_copy(update={"split": "test"}), tmp_path) != known


def test_a_local_repository_is_known_by_its_files(tmp_path):
    model = REPOSITORY.model_copy(update={"repository": "./set"})
    (tmp_path / "set" / "data").mkdir(parents=True)
    (tmp_path / "set" / ".git").mkdir()
    (tmp_path / "set" / "data" / "train.jsonl").write_text("{}")
    (tmp_path / "set" / ".git" / "HEAD").write_text("x")
    before = weights_identity(model, tmp_path)
    assert set(before) == {"data/train.jsonl", "config", "split"}
    (tmp_path / "set" / ".git" / "HEAD").write_text("y")
    assert weights_identity(model, tmp_path) == before
    (tmp_path / "set" / "README.md").write_text("the card names the files of a split")
    assert weights_identity(model, tmp_path) != before


def test_weights_of_a_folder_are_its_files_without_documentation(tmp_path):
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"w")
    (folder / "tokenizer.json").write_bytes(b"t")
    (folder / "README.md").write_text("card")
    before = weights_identity(LOCAL, tmp_path)
    (folder / "README.md").write_text("other")
    assert set(before) == {"model.safetensors", "tokenizer.json"}
    assert weights_identity(LOCAL, tmp_path) == before
    (folder / "tokenizer.json").write_bytes(b"u")
    assert weights_identity(LOCAL, tmp_path) != before


def test_weights_elsewhere_are_named(tmp_path):
    assert weights_identity(LOCAL.model_copy(update={"path": "o/n"}), tmp_path) == {"repository": "o/n"}
    assert weights_identity(SERVED, tmp_path) == {"served_model": "s"}


def test_a_missing_file_of_traces_is_an_engine_error(tmp_path):
    with pytest.raises(EngineError, match=r"'m'.*t\.jsonl"):
        weights_identity(IMPORTED, tmp_path)
