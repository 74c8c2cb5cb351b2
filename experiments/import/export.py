# /// script
# requires-python = ">=3.10"
# dependencies = ["torch", "numpy", "safetensors", "packaging"]
# ///
"""A PyTorch network in bwq's form: export(model, (3, 32, 32), "my-net", scale=1 / 255, mean=[0.5], std=[0.25]) writes
my-net/network.json and my-net/network.safetensors, which a sweep file names as network.model = "my-net". Pixels, 0 to 255, become
(pixel * scale - mean) / std, which torchvision calls ToTensor (1 / 255) and Normalize."""
import json, operator, pathlib, torch
from safetensors.torch import save_file
from torch import nn, fx

KEPT = (nn.Dropout, nn.Identity)
FUNCTIONS = {operator.add: "add", operator.iadd: "add", torch.add: "add", torch.cat: "concat", torch.flatten: "flatten", torch.relu: "relu",
             nn.functional.relu: "relu", nn.functional.relu6: "relu6", nn.functional.adaptive_avg_pool2d: "global_avgpool", "flatten": "flatten"}

def pair(n):
    return [n, n] if isinstance(n, int) else list(n)

def layer(name, m):
    """A module's operation and its keys; whatever it has that bwq has not is refused."""
    norm = {"gamma": f"{name}.weight", "beta": f"{name}.bias", "mean": f"{name}.running_mean", "var": f"{name}.running_var"}
    weights = {role: f"{name}.{role}" for role in ("weight", "bias") if getattr(m, role, None) is not None}
    match m:
        case nn.Conv2d(padding_mode="zeros") if not isinstance(m.padding, str):
            return dict(op="conv2d", stride=pair(m.stride), pad=pair(m.padding), dilation=pair(m.dilation), groups=m.groups, weights=weights)
        case nn.Linear(): return dict(op="linear", weights=weights)
        case nn.BatchNorm1d(affine=True) | nn.BatchNorm2d(affine=True): return dict(op="batchnorm", eps=m.eps, weights=norm)
        case nn.ReLU6(): return dict(op="relu6")
        case nn.ReLU(): return dict(op="relu")
        case nn.Flatten(start_dim=1): return dict(op="flatten")
        case nn.AdaptiveAvgPool2d() if m.output_size in (1, (1, 1)): return dict(op="global_avgpool")
        case nn.MaxPool2d(ceil_mode=False, dilation=1): return dict(op="maxpool", kernel=pair(m.kernel_size), stride=pair(m.stride), pad=pair(m.padding))
        case nn.AvgPool2d(ceil_mode=False, count_include_pad=True, divisor_override=None):
            return dict(op="avgpool", kernel=pair(m.kernel_size), stride=pair(m.stride), pad=pair(m.padding))
    raise ValueError(f"{name}: {m} has no counterpart; through ONNX more is taken: torch.onnx.export and bwq import")

def export(model, input_shape, folder, *, scale, mean, std, name=None):
    traced, nodes, called, channels = fx.symbolic_trace(model.eval()), [], {}, input_shape[0]
    for node in traced.graph.nodes:
        inputs = [called.get(n) for n in node.all_input_nodes]
        if node.op == "placeholder":
            called[node] = "input"
        elif node.op == "call_module" and isinstance(traced.get_submodule(node.target), KEPT):
            called[node] = inputs[0]
        elif node.op != "output":
            if node.op != "call_module" and node.target not in FUNCTIONS:
                raise ValueError(f"{node.name}: {node.target} has no counterpart; through ONNX more is taken: torch.onnx.export and bwq import")
            keys = layer(node.target, traced.get_submodule(node.target)) if node.op == "call_module" else dict(op=FUNCTIONS[node.target])
            called[node] = node.target if node.op == "call_module" and node.target not in called.values() else f"{node.name}.{len(nodes)}"
            nodes.append(dict(name=called[node], inputs=inputs, **keys))
    each = lambda values: [float(v) for v in values] * (channels if len(values) == 1 else 1)
    graph = dict(format="netgraph-1", name=name or type(model).__name__, input=dict(shape=list(input_shape)), nodes=nodes,
                 preprocess=dict(layout="NCHW", scale=scale, mean=each(mean), std=each(std)))
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    save_file({k: v.float().contiguous().clone() for k, v in model.state_dict().items()}, f"{folder}/network.safetensors")
    pathlib.Path(folder, "network.json").write_text(json.dumps(graph, indent=1))
