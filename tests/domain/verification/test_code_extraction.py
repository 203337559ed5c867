import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.verification.code_extraction import extract_program, fenced


@pytest.mark.parametrize(
    ("text", "program"),
    [
        pytest.param("```python\nx = 1\n```", "x = 1\n", id="one_block"),
        pytest.param("```py\nx = 1\n```\nBetter:\n```python3\nx = 2\n```", "x = 2\n", id="last_of_the_language"),
        pytest.param("```python\nx = 1\n```\nIt prints\n```\n1\n```", "x = 1\n", id="unmarked_output_after_it"),
        pytest.param("```python\nx = 1\n```\n```bash\npython x.py\n```", "x = 1\n", id="other_language_after_it"),
        pytest.param("```\nx = 1\n```", "x = 1\n", id="unmarked"),
        pytest.param("```Python\nx = 1\n```", "x = 1\n", id="capital"),
        pytest.param("```{.python}\nx = 1\n```", "x = 1\n", id="braces"),
        pytest.param("```python title='a.py'\nx = 1\n```", "x = 1\n", id="attributes"),
        pytest.param("~~~python\nx = 1\n~~~", "x = 1\n", id="tildes"),
        pytest.param("````python\ns = '''\n```\n'''\n````", "s = '''\n```\n'''\n", id="fence_within_a_longer_fence"),
        pytest.param("1. So:\n   ```python\n   if a:\n       b\n   ```", "if a:\n    b\n", id="indented_in_a_list"),
        pytest.param("```python\nx = 1", "x = 1\n", id="never_closed"),
        pytest.param("```python\n```\n", None, id="empty_block"),
        pytest.param("```python\nx = 1\n```\n```python\n\n```", "x = 1\n", id="empty_block_at_the_end"),
        pytest.param("x = 1", None, id="no_block"),
        pytest.param("use `x = 1` here", None, id="code_in_a_line"),
        pytest.param("```cpp\nint x;\n```", None, id="only_another_language"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_program_of_an_answer(text, program):
    assert extract_program(text, "python") == program


@pytest.mark.parametrize(("mark", "language"), [("c++", "cpp"), ("js", "javascript"), ("sh", "bash"), ("rs", "rust")])
def test_names_of_languages(mark, language):
    assert extract_program(f"```{mark}\nx\n```", language) == "x\n"


def test_c_is_not_cpp():
    assert extract_program("```cpp\nx\n```", "c") is None


@given(st.text(st.characters(exclude_characters="\r") | st.sampled_from("`\n~\f"), min_size=1))
def test_reference_is_found_as_it_is_presented(program):
    if program.strip():
        assert extract_program(fenced(program), "python").rstrip("\n") == program.rstrip("\n")


@given(st.text(st.sampled_from("`~ python\n>")))
def test_any_text_has_a_program_or_none(text):
    extract_program(text, "python")
