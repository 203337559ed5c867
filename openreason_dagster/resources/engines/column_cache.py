"""Keys and values of many sequences at once, for decoding in which rows come and go.

The rows of a batch share their right edge: every step writes one column for all of them, in place, and a row begins at
its own start column. A new row is put in so that it ends at the edge. Nothing is concatenated and nothing moves, except
when the columns run out and the part in use is copied to a new place. Positions were applied to the keys when they were
written, so moving columns does not change them.

The class has the part of the interface of `transformers.Cache` that attention layers and mask construction use. Layers
that keep a recurrent state instead of keys and values do not fit.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, device


class ColumnCache:
    """Per layer two tensors [rows, heads, capacity, head size]; columns `first` to `edge` are in use."""

    is_compileable = False

    def __init__(self, rows: int, *, device: "device") -> None:
        self.device = device
        self.keys: dict[int, Tensor] = {}
        self.values: dict[int, Tensor] = {}
        self.starts = [0] * rows
        self.capacity = 0
        self.first = 0
        self.edge = 0
        self._incoming = 0
        self._start_column = self._as_column()

    @property
    def is_sliding(self) -> list[bool]:
        """No layer forgets columns by itself: a sliding window is a matter of the mask."""
        return [False] * max(1, len(self.keys))

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Columns that came before those being written now."""
        del layer_idx
        return self.edge - self._incoming - self.first

    def get_query_offset(self, layer_idx: int = 0) -> int:
        """Column of the first query, counted from the first visible one."""
        return self.get_seq_length(layer_idx)

    def get_mask_sizes(self, query_length: int, layer_idx: int = 0) -> tuple[int, int]:
        """Visible columns and their offset."""
        del query_length, layer_idx
        return self.edge - self.first, 0

    def update(
        self, keys: "Tensor", values: "Tensor", layer_idx: int, *_: object, **__: object
    ) -> "tuple[Tensor, Tensor]":
        """Write the reserved columns of one layer and return all visible columns as views."""
        if layer_idx not in self.keys:
            self.keys[layer_idx] = self._zeros_like(keys)
            self.values[layer_idx] = self._zeros_like(values)
        written = slice(self.edge - keys.shape[-2], self.edge)
        visible = slice(self.first, self.edge)
        self.keys[layer_idx][:, :, written] = keys
        self.values[layer_idx][:, :, written] = values
        return self.keys[layer_idx][:, :, visible], self.values[layer_idx][:, :, visible]

    def reserve(self, columns: int) -> None:
        """Make room for the columns that the next forward pass writes."""
        if self.edge + columns > self.capacity:
            self._move(to=0, room=columns)
        self.edge += columns
        self._incoming = columns

    def mask(self) -> "Tensor":
        """Boolean [rows, visible columns]: which columns belong to each row."""
        import torch

        return torch.arange(self.first, self.edge, device=self.device) >= self._start_column

    def set_lengths(self, lengths: Sequence[int]) -> None:
        """Say how many of the columns up to the edge belong to each row."""
        self.starts = [self.edge - length for length in lengths]
        self._start_column = self._as_column()

    def adopt(self, other: "ColumnCache", *, sources: Sequence[int], targets: Sequence[int]) -> None:
        """Copy rows of another cache over rows of this one; row `sources[i]` becomes row `targets[i]`."""
        import torch

        width = other.edge - other.first
        if self.edge < width:
            self._move(to=width - (self.edge - self.first), room=1)
        from_rows = torch.tensor(sources, device=self.device)
        to_rows = torch.tensor(targets, device=self.device)
        for layer in other.keys:
            for mine, theirs in ((self.keys, other.keys), (self.values, other.values)):
                if layer not in mine:
                    mine[layer] = self._zeros_like(theirs[layer])
                copied = theirs[layer][from_rows, :, other.first : other.edge]
                mine[layer][to_rows, :, self.edge - width : self.edge] = copied
        for source, target in zip(sources, targets, strict=True):
            self.starts[target] = self.edge - (other.edge - other.starts[source])
        self._start_column = self._as_column()

    def forget_all_but(self, rows: Sequence[int]) -> None:
        """Stop showing columns that only other rows use; the rows themselves stay."""
        self.first = min((self.starts[row] for row in rows), default=self.edge)

    def select(self, rows: Sequence[int]) -> None:
        """Keep only these rows, in this order."""
        import torch

        index = torch.tensor(rows, dtype=torch.int64, device=self.device)
        for tensors in (self.keys, self.values):
            for layer, tensor in tensors.items():
                tensors[layer] = tensor[index]
        self.starts = [self.starts[row] for row in rows]
        self._start_column = self._as_column()

    def _move(self, *, to: int, room: int) -> None:
        """Copy the columns in use to begin at `to`, with `room` and half as much again behind them."""
        span = self.edge - self.first
        self.capacity = (to + span + room) * 3 // 2 + 16
        for tensors in (self.keys, self.values):
            for layer, tensor in tensors.items():
                moved = self._zeros_like(tensor)
                moved[:, :, to : to + span] = tensor[:, :, self.first : self.edge]
                tensors[layer] = moved
        self.starts = [start - self.first + to for start in self.starts]
        self.first, self.edge = to, to + span
        self._start_column = self._as_column()

    def _zeros_like(self, states: "Tensor") -> "Tensor":
        return states.new_zeros(len(self.starts), states.shape[1], self.capacity, states.shape[3])

    def _as_column(self) -> "Tensor":
        import torch

        return torch.tensor(self.starts, device=self.device)[:, None]
