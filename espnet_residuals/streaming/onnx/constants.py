"""Compute what a graph computes from constants once, before it is exported."""

from typing import Any

from torch import Tensor, fx


def fold_constants(graph_module: fx.GraphModule) -> None:
    """Replace every tensor that depends on no input by its value.

    Args:
        graph_module (fx.GraphModule): The graph, of operations without side effects; it
            is changed.

    Examples:
        >>> import torch
        >>> from torch.fx.experimental.proxy_tensor import make_fx
        >>> weight = torch.ones(3)
        >>> graph_module = make_fx(lambda x: x + weight.exp())(torch.zeros(3))
        >>> fold_constants(graph_module)
        >>> [node.op for node in graph_module.graph.nodes if node.users]
        ['placeholder', 'get_attr', 'call_function']
        >>> graph_module(torch.zeros(3))
        tensor([2.7183, 2.7183, 2.7183])
    """
    graph, known = graph_module.graph, dict[fx.Node, Any]()
    for node in graph.nodes:
        if node.op == "get_attr":
            known[node] = getattr(graph_module, str(node.target))
        elif node.op == "call_function" and known.keys() >= set(node.all_input_nodes):
            args = fx.map_arg((node.args, node.kwargs), known.__getitem__)
            known[node] = node.target(*args[0], **args[1])
    for node, value in known.items():
        is_needed = any(user not in known for user in node.users)
        if node.op == "call_function" and is_needed and isinstance(value, Tensor):
            graph_module.register_buffer(f"_{node.name}", value)
            with graph.inserting_before(node):
                constant = graph.get_attr(f"_{node.name}")
            node.replace_all_uses_with(constant)
    graph.eliminate_dead_code()
    graph_module.recompile()
