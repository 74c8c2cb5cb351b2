# /// script
# requires-python = ">=3.10"
# dependencies = ["torch", "numpy", "safetensors", "packaging", "onnx", "onnxscript", "onnxruntime"]
# ///
"""Small networks with random weights and statistics, by every way out of PyTorch, with PyTorch's logits beside them:

    python networks.py DIR [small]

writes NAME.ts.onnx (torch.onnx.export, TorchScript), NAME.dynamo.onnx (dynamo), NAME.norms.onnx (batch norms kept), NAME.fx/ (export.py),
and NAME.npz with images and logits. `small`: the few kB of tests/data/import, and one of them quantised by onnxruntime."""
import sys, numpy, onnx, torch
from export import export
from torch import nn


def norm(channels, *before, after=nn.Identity()):
    return nn.Sequential(*before, nn.BatchNorm2d(channels), after)


class Residual(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2, self.relu = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
        self.short = nn.Identity() if stride == 1 and inputs == outputs else norm(outputs, nn.Conv2d(inputs, outputs, 1, stride, bias=False))

    def forward(self, x):
        return self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))) + self.short(x))


class ResNet(nn.Module):
    def __init__(self, width, blocks):
        super().__init__()
        self.stem = norm(width, nn.Conv2d(3, width, 3, 1, 1, bias=False), after=nn.ReLU(inplace=True))
        self.pool = nn.MaxPool2d(3, 2, 1)
        widths = [width << i for i in range(len(blocks))]
        self.stages = nn.Sequential(*[Residual(widths[max(i - (b == 0), 0)], w, 2 if b == 0 and i else 1) for i, w in enumerate(widths) for b in range(blocks[i])])
        self.fc = nn.Linear(widths[-1], 10)

    def forward(self, x):
        return self.fc(torch.flatten(nn.functional.adaptive_avg_pool2d(self.stages(self.pool(self.stem(x))), 1), 1))


class Inverted(nn.Module):
    def __init__(self, inputs, outputs, stride, expand):
        super().__init__()
        hidden = inputs * expand
        self.conv = nn.Sequential(
            norm(hidden, nn.Conv2d(inputs, hidden, 1, bias=False), after=nn.ReLU6(inplace=True)),
            norm(hidden, nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False), after=nn.ReLU6(inplace=True)),
            nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        self.same = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.conv(x) if self.same else self.conv(x)


class MobileNetV2(nn.Module):
    """As in Sandler et al. 2018: inverted residuals with depthwise convolutions and linear bottlenecks."""
    def __init__(self, width, expand):
        super().__init__()
        plan = [(width, width, 1), (width, 2 * width, 2), (2 * width, 2 * width, 1)]
        self.features = nn.Sequential(norm(width, nn.Conv2d(3, width, 3, 2, 1, bias=False), after=nn.ReLU6(inplace=True)), *[Inverted(*p, expand) for p in plan])
        self.classifier = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(2 * width, 10))

    def forward(self, x):
        return self.classifier(self.features(x))


class Fire(nn.Module):
    """Concatenation, a pooling with ceil_mode, grouped convolution, a constant shift, log-softmax: what the others have not."""
    def __init__(self, width):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, width, 1), nn.Conv2d(3, width, 3, padding=1)
        self.pool, self.mean = nn.MaxPool2d(3, 2, ceil_mode=True), nn.AvgPool2d(3, 2, 1)
        self.grouped, self.last = nn.Conv2d(2 * width, 2 * width, 3, groups=2, dilation=2, padding=2), nn.Conv2d(2 * width, 10, 1)

    def forward(self, x):
        x = self.pool(torch.relu(torch.cat([self.a(x), self.b(x)], 1)))
        x = self.mean(torch.relu(self.grouped(x)))
        return nn.functional.log_softmax(self.last(x).mean([2, 3]), dim=1)


class Perceptron(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.a, self.b = nn.Linear(3 * 64, width), nn.Linear(width, 10, bias=False)

    def forward(self, x):
        return torch.softmax(self.b(torch.clamp(self.a(x.view(x.size(0), -1)), 0.0, 1.5)), 1)


def randomised(model, random):
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.running_mean.copy_(0.2 * torch.randn(m.num_features, generator=random))
            m.running_var.copy_(torch.rand(m.num_features, generator=random) + 0.5)
            m.weight.data.copy_(torch.rand(m.num_features, generator=random) + 0.5)
            m.bias.data.copy_(0.2 * torch.randn(m.num_features, generator=random))
    return model.eval()


def bare(path):
    """Without stack traces, of which such a file has more than of weights."""
    model = onnx.load(path)
    for thing in [model.graph, *model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer]:
        thing.ClearField("doc_string")
        if hasattr(thing, "metadata_props"):
            thing.ClearField("metadata_props")
    onnx.save(model, path)


def quantised(path, images):
    """The same by onnxruntime's static quantisation: int8 weights, scales per channel, uint8 activations."""
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Images(CalibrationDataReader):
        left = [{"images": image[None]} for image in images.numpy()]

        def get_next(self):
            return self.left.pop() if self.left else None

    quantize_static(f"{path}.ts.onnx", f"{path}.int8.onnx", Images(), per_channel=True, weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8)


def main(folder, small):
    torch.manual_seed(7)
    random = torch.Generator().manual_seed(8)
    size = 8 if small else 32
    networks = {"resnet": ResNet(4, [1, 1]) if small else ResNet(16, [2, 2, 2]), "mobilenet": MobileNetV2(4, 2) if small else MobileNetV2(16, 6), "fire": Fire(3), "perceptron": Perceptron(6)}
    for name, model in networks.items():
        side = 8 if name == "perceptron" else size
        model, images = randomised(model, random), torch.randn(2, 3, side, side, generator=random)
        logits = model(images)
        numpy.savez(f"{folder}/{name}.npz", images=images.numpy(), logits=logits.detach().numpy())
        axes = dict(input_names=["images"], output_names=["logits"], dynamic_axes={"images": {0: "N"}, "logits": {0: "N"}})
        torch.onnx.export(model, (images,), f"{folder}/{name}.ts.onnx", dynamo=False, **axes)
        torch.onnx.export(model, (images,), f"{folder}/{name}.norms.onnx", dynamo=False, do_constant_folding=False, training=torch.onnx.TrainingMode.PRESERVE, **axes)
        batch = {"dynamic_shapes": ({0: torch.export.Dim("N")},)}
        torch.onnx.export(model, (images,), f"{folder}/{name}.dynamo.onnx", dynamo=True, external_data=not small, **batch)
        if small:
            for way in ("ts", "norms", "dynamo"):
                bare(f"{folder}/{name}.{way}.onnx")
            if name == "mobilenet":
                quantised(f"{folder}/{name}", images)
        if name in ("resnet", "mobilenet"):
            export(model, (3, side, side), f"{folder}/{name}.fx", scale=1 / 255, mean=[0.0], std=[1.0])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:] == ["small"])
