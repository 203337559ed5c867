"""Predicates by which rows of Delta tables are found."""


def sql_equals(column: str, value: str) -> str:
    """A Delta predicate `column = 'value'` with the value quoted."""
    escaped = value.replace("'", "''")
    return f"{column} = '{escaped}'"


def partition_predicate(keys: dict[str, str]) -> str:
    """A Delta predicate that holds for exactly the rows of one partition."""
    return " AND ".join(sql_equals(column, value) for column, value in keys.items())
