"""How reasoning and answer stand in a conversation that a model is trained on, and what a conversation is."""

import polars as pl


def assistant_turn() -> pl.Expr:
    """The columns `reasoning` and `answer` as the text of one turn: think block, empty line, answer."""
    return pl.concat_str(
        pl.lit("<think>\n"),
        pl.col("reasoning").str.strip_chars(),
        pl.lit("\n</think>\n\n"),
        pl.col("answer").str.strip_chars(),
    )


def exchange(prompt: str, assistant: pl.Expr) -> pl.Expr:
    """Messages of one question, in the column `prompt` names, and one assistant turn."""
    user = pl.struct(role=pl.lit("user"), content=pl.col(prompt))
    return pl.concat_list(user, pl.struct(role=pl.lit("assistant"), content=assistant))


def conversation_hash() -> pl.Expr:
    """Hash of what is said in `messages`, turn by turn."""
    return pl.col("messages").list.eval(pl.element().struct.field("content")).list.join("\x1f").hash()


def first_user_turn() -> pl.Expr:
    """The question that opens `messages`; null where there is none."""
    turns = pl.col("messages").list
    opening = pl.when(turns.first().struct.field("role") == "system").then(1).otherwise(0)
    return turns.get(opening, null_on_oob=True).struct.field("content")


def assistant_text() -> pl.Expr:
    """What the assistant turns of `messages` say outside their think blocks, turn by turn."""
    element = pl.element()
    said = element.struct.field("content").str.replace_all(r"(?s)<think>.*?</think>", "")
    turns = pl.col("messages").list.eval(pl.when(element.struct.field("role") == "assistant").then(said))
    return turns.list.drop_nulls().list.join("\n")


def takes_turns() -> pl.Expr:
    """Whether `messages` is a system turn at most, then user and assistant in turn to the assistant's, none blank."""
    turns = pl.col("messages").list
    roles = turns.eval(pl.element().struct.field("role")).list.join(" ")
    is_filled = turns.eval(pl.element().struct.field("content").str.contains(r"\S")).list.all()
    return roles.str.contains(r"^(?:system )?user assistant(?: user assistant)*$") & is_filled


def think_blocks() -> pl.Expr:
    """Think tags in the assistant turns of `messages`, opening and closing ones."""
    element = pl.element()
    tags = pl.when(element.struct.field("role") == "assistant").then(
        element.struct.field("content").str.count_matches(r"</?think>")
    )
    return pl.col("messages").list.eval(tags).list.sum()


def answers_after_thinking() -> pl.Expr:
    """Whether the last turn of `messages` opens and closes one think block and then answers."""
    last = pl.col("messages").list.last().struct.field("content")
    return last.str.contains(r"(?s)^<think>\n.+\n</think>\n\n\S") & (think_blocks() == 2)
