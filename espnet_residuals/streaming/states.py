"""States of several streams as one of a batch, and apart again.

A state is a tensor, (batch, ...), or a tuple, a NamedTuple or a list of states. What is
none of these, such as a number or None, holds for the whole batch.
"""

from typing import Any, Hashable, Sequence, TypeVar

import torch
from torch import Tensor

State = TypeVar("State")


def structure(state: Any) -> Hashable:
    """Return what states have in common that can be stacked.

    Args:
        state (Any): The state.

    Returns:
        Hashable: All but the batch and the values of its tensors.

    Examples:
        >>> structure([torch.zeros(3, 4), 5]) == structure([torch.ones(1, 4), 5])
        True
        >>> structure([torch.zeros(3, 4), 5]) == structure([torch.zeros(3, 4), 6])
        False
    """
    if isinstance(state, Tensor):
        return state.shape[1:], state.dtype, state.device
    if isinstance(state, (tuple, list)):
        return type(state), tuple(map(structure, state))
    hashable: Hashable = state
    return hashable


def stack(states: Sequence[State]) -> State:
    """Put states of one structure into one batch.

    Args:
        states (Sequence[State]): The states, at least one.

    Returns:
        State: The batch, in this order.

    Examples:
        >>> stack([(torch.zeros(1, 2), None), (torch.ones(1, 2), None)])
        (tensor([[0., 0.],
                [1., 1.]]), None)
    """
    first: Any = states[0]
    if isinstance(first, Tensor):
        return torch.cat(states)  # type: ignore[arg-type, return-value]
    if isinstance(first, (tuple, list)):
        return _like(first, [stack(parts) for parts in zip(*states)])
    return states[0]


def unstack(state: State, count: int) -> list[State]:
    """Take a batch apart.

    Args:
        state (State): The batch.
        count (int): Its size.

    Returns:
        list[State]: The states, of a batch of one each. They share no memory: one that
        waits does not hold the others.

    Examples:
        >>> unstack((torch.tensor([[1, 2], [3, 4]]), 5), count=2)
        [(tensor([[1, 2]]), 5), (tensor([[3, 4]]), 5)]
    """
    whole: Any = state
    if isinstance(whole, Tensor):
        return [part.clone() for part in whole.split(1)]
    if isinstance(whole, (tuple, list)):
        parts = [unstack(part, count) for part in whole]
        return [_like(whole, [part[i] for part in parts]) for i in range(count)]
    return [state] * count


def _like(state: Any, parts: list[Any]) -> Any:
    """Return a tuple, NamedTuple or list of other parts."""
    is_named = hasattr(state, "_fields")
    return type(state)(*parts) if is_named else type(state)(parts)
