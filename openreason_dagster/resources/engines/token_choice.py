"""How the next token of every row of a batch is chosen.

Each request owns a stream of uniform numbers that depends on its seed alone, one number per token, and a token is the
inverse of the cumulative distribution at that number. So a request's text depends on its logits and its seed, never on
its neighbours in the batch.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def uniform_stream(seed: int, count: int) -> "Tensor":
    """`count` numbers in [0, 1), float64, from a seed of 0 to 2^63 - 1.

    The counter-based generator Philox4x64-10 (Salmon et al., 2011) keyed by the seed; of each 64-bit word the upper
    53 bits count.
    """
    import numpy
    import torch

    words = numpy.random.Philox(key=seed).random_raw(count)
    return torch.from_numpy((words >> numpy.uint64(11)).astype(numpy.float64) * 2.0**-53)


def choose_tokens(
    logits: "Tensor", uniforms: "Tensor", *, temperature: "Tensor", top_p: "Tensor", top_k: "Tensor"
) -> "Tensor":
    """Next token of each row, int64 [rows].

    Args:
        logits: [rows, vocabulary].
        uniforms: One number in [0, 1) per row.
        temperature: Per row; 0 takes the most likely token.
        top_p: Per row; 1 keeps all tokens.
        top_k: Per row; at least the vocabulary's size keeps all tokens.
    """
    import torch

    is_greedy = temperature == 0
    scale = torch.where(is_greedy, 1.0, temperature)[:, None]
    probabilities = torch.softmax(logits.double() / scale, dim=-1)
    if bool(((top_p < 1) | (top_k < logits.shape[1])).any()):
        probabilities = keep_likely(probabilities, top_p=top_p, top_k=top_k)
    cumulative = probabilities.cumsum(dim=-1)
    drawn = torch.searchsorted(cumulative, uniforms[:, None] * cumulative[:, -1:], right=True)
    drawn = drawn.squeeze(1).clamp(max=logits.shape[1] - 1)
    return torch.where(is_greedy, logits.argmax(dim=-1), drawn)


def keep_likely(probabilities: "Tensor", *, top_p: "Tensor", top_k: "Tensor") -> "Tensor":
    """Probabilities with the unlikely tokens at zero, not renormalised; [rows, vocabulary].

    First the `top_k` most likely tokens stay, then of these the fewest whose share reaches `top_p`: at least one.
    """
    import torch

    ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)
    rank = torch.arange(ordered.shape[1], device=ordered.device)
    ordered = torch.where(rank < top_k[:, None], ordered, 0.0)
    before = ordered.cumsum(dim=-1) - ordered
    is_within = before < top_p[:, None] * ordered.sum(dim=-1, keepdim=True)
    is_whole = top_p[:, None] >= 1  # rounding must not lose a token too unlikely to be seen in the sum
    ordered = torch.where(is_within | is_whole, ordered, 0.0)
    return torch.zeros_like(probabilities).scatter(1, order, ordered)
