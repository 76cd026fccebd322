"""A nested state as a list of real tensors with names."""

import re
from typing import Any, Sequence

import torch
from torch import Tensor
from torch.utils import _pytree as pytree


class FlatState:
    """The tensors of a state, whatever tuples and lists hold them.

    Complex tensors have their real and imaginary parts in a last dimension of two. What
    is no tensor, such as None, stays as it is.

    Args:
        state (Any): The state.

    Attributes:
        names (list[str]): Names of the tensors: where they stand in the state.
        tensors (list[Tensor]): The tensors.

    Examples:
        >>> flat = FlatState([None, {"past": torch.ones(2, dtype=torch.complex64)}])
        >>> flat.names, flat.shapes
        (['1.past'], [(2, 2)])
        >>> flat.nested(flat.zeros())
        [None, {'past': tensor([0.+0.j, 0.+0.j])}]
    """

    def __init__(self, state: Any) -> None:
        found, self._spec = pytree.tree_flatten_with_path(state)
        self._leaves = [leaf for _, leaf in found]
        is_tensor = [isinstance(leaf, Tensor) for leaf in self._leaves]
        self._indices = [i for i, yes in enumerate(is_tensor) if yes]
        self.names = [_name(found[i][0]) for i in self._indices]
        self.tensors = [_real(self._leaves[i]) for i in self._indices]

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the tensors."""
        return [tuple(tensor.shape) for tensor in self.tensors]

    def zeros(self) -> list[Tensor]:
        """Return tensors of the same shapes, all zero.

        Returns:
            list[Tensor]: The tensors.
        """
        return [torch.zeros_like(tensor) for tensor in self.tensors]

    def nested(self, tensors: Sequence[Tensor]) -> Any:
        """Return a state of this structure.

        Args:
            tensors (Sequence[Tensor]): Its tensors, real.

        Returns:
            Any: The state.
        """
        leaves = list(self._leaves)
        for i, tensor in zip(self._indices, tensors, strict=True):
            is_complex = leaves[i].is_complex()
            leaves[i] = torch.view_as_complex(tensor) if is_complex else tensor
        return pytree.tree_unflatten(leaves, self._spec)


def _real(tensor: Tensor) -> Tensor:
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor


def _name(path: Sequence[Any]) -> str:
    """Return attributes, keys and positions with dots between them."""
    parts = re.findall(r"\w+", pytree.keystr(tuple(path)))
    return ".".join(parts)
