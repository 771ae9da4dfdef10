"""What the export scripts share: PyTorch networks to ONNX files whose outputs are named layers.

    taps = choose(net, ['features.0', 'V1.output-t0'], image_shape)
    export(net, taps, path, ...)          writes the file
    differences(net, taps, path, ...)     the file against PyTorch, per output

Two things go wrong in silence without care. A hook that keeps a tensor instead of a copy sees
what an in-place ReLU makes of it later; and the exporter's default constant folding merges batch
norm into the convolution before it, so that the convolution's output is that of the norm. So
hooks clone, and the training mode is PRESERVE on a network in evaluation mode.
"""

import contextlib
import difflib
import hashlib
import logging
import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

try:
    import onnx
    import onnxruntime
    import torch
except ImportError as missing:
    sys.exit('error: Python package `%s` is missing; run `pip install -r scripts/requirements-export.txt`' % missing.name)
from torch import nn

# Attention as one fused operation has no counterpart in ONNX.
torch.backends.mha.set_fastpath_enabled(False)

# Name of the network's input, and of its own output where that is no listed layer.
INPUT, OUTPUT = 'image', 'output'
# The batch while tracing: 0 and 1 are special to the dynamo exporter.
TRACE_BATCH = 2
OPSET = {'torchscript': 17, 'dynamo': 18}
# Largest accepted difference from PyTorch, relative to the largest magnitude of the layer.
TOLERANCE = 1e-4
# Mean and standard deviation of ImageNet's pixels in [0, 1], those of the preset `pytorch`.
MEAN, SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
N_NAMES_SHOWN = 10


class Failed(Exception):
    """Ends a script: the cause and, after a semicolon, the remedy."""


def main_of(script) -> None:
    """Runs a script's main function; what went wrong ends it with status 2."""
    try:
        sys.exit(script())
    except Failed as failed:
        print('error: %s' % failed, file=sys.stderr)
        sys.exit(2)


@dataclass(frozen=True)
class Tap:
    """One output of the file: a module's result at one of its calls, or the network's own."""

    name: str
    module: str | None
    step: int = 0


@dataclass(frozen=True)
class Seen:
    """What a module did during one forward pass: how often it ran, and what it returned last."""

    kind: str
    calls: int
    shape: tuple[int, ...] | None
    is_own_output: bool


# ---------------------------------------------------------------- layers

def first_tensor(value):
    """The tensor in a module's result: itself, or the first of a tuple, list or dictionary."""
    if isinstance(value, dict):
        value = list(value.values())
    while isinstance(value, (tuple, list)) and value:
        value = value[0]
    return value if isinstance(value, torch.Tensor) else None


def observe(net: nn.Module, image_shape: Sequence[int], batch: int = TRACE_BATCH) -> dict[str, Seen]:
    """All modules that run, in the order of their first call."""
    calls: dict[str, list] = {}
    hooks = []
    for name, module in net.named_modules():
        if name:
            hooks.append(module.register_forward_hook(
                lambda _module, _inputs, result, name=name: calls.setdefault(name, []).append(first_tensor(result))))
    try:
        with torch.no_grad():
            own = first_tensor(net(torch.zeros(batch, *image_shape)))
    except Exception as e:
        raise Failed('the network does not run on images of %s, %d at once (%s); give its --input'
                     % ('x'.join(map(str, image_shape)), batch, str(e).strip().splitlines()[0])) from e
    finally:
        for hook in hooks:
            hook.remove()
    if own is None:
        raise Failed('the network returns no tensor; wrap it in a module that does')
    return {name: Seen(type(net.get_submodule(name)).__name__, len(results),
                       None if results[-1] is None else tuple(results[-1].shape), results[-1] is own)
            for name, results in calls.items()}


def usable(seen: dict[str, Seen], batch: int = TRACE_BATCH) -> dict[str, Seen]:
    """Those that return a tensor whose rows are images."""
    return {name: s for name, s in seen.items() if s.shape and len(s.shape) > 1 and s.shape[0] == batch}


def split_step(spec: str, seen: dict[str, Seen]) -> tuple[str, int | None]:
    """`V1.output-t2` is step 2 of `V1.output`, unless a module is really called so."""
    module, mark, step = spec.rpartition('-t')
    if spec not in seen and mark and step.isdigit():
        return module, int(step)
    return spec, None


def nearest(name: str, names: Iterable[str]) -> str:
    names = list(names)
    near = difflib.get_close_matches(name, names, n=5, cutoff=0.5) or [n for n in names if name in n][:5] or names[:5]
    return ', '.join('`%s`' % n for n in near)


def tap(spec: str, seen: dict[str, Seen], net: nn.Module, batch: int) -> Tap:
    valid = usable(seen, batch)
    module, step = split_step(spec, seen)
    if module not in valid:
        near = nearest(module, valid)
        if module in seen:
            raise Failed('layer `%s` does not return one tensor with a row per image; choose another, e.g. %s' % (module, near))
        if module in dict(net.named_modules()):
            raise Failed('layer `%s` never runs in a forward pass; choose another, e.g. %s' % (module, near))
        raise Failed('the network has no layer `%s`; nearest: %s; --list prints all' % (module, near))
    calls = valid[module].calls
    if step is not None and step >= calls:
        raise Failed('layer `%s` runs %d times; the last step is `%s-t%d`' % (module, calls, module, calls - 1))
    return Tap(spec, module, calls - 1 if step is None else step)


def choose(net: nn.Module, layers: Sequence[str], image_shape: Sequence[int],
           all_steps: bool = False, name_single_steps: bool = False, batch: int | None = None) -> list[Tap]:
    """Outputs for the named layers (all leaf modules if none), then the network's own.

    `all_steps`: every step of a layer that runs more than once also becomes `NAME-tK`; with
    `name_single_steps` those that run once get `NAME-t0` too. `batch`: the only possible one.
    """
    batch = batch or TRACE_BATCH
    seen = observe(net, image_shape, batch)
    leaves = [n for n in usable(seen, batch) if not list(net.get_submodule(n).children())]
    taps = {}
    for spec in layers or leaves:
        chosen = tap(spec, seen, net, batch)
        calls = seen[chosen.module].calls
        if all_steps and spec == chosen.module and (calls > 1 or name_single_steps):
            for step in range(calls):
                taps.setdefault('%s-t%d' % (spec, step), Tap('%s-t%d' % (spec, step), chosen.module, step))
        taps.setdefault(spec, chosen)
    if not any(seen[t.module].is_own_output and t.step == seen[t.module].calls - 1 for t in taps.values()):
        if OUTPUT in taps:
            raise Failed('a layer is called `%s` like the output of the network itself; leave it out of --layers' % OUTPUT)
        taps[OUTPUT] = Tap(OUTPUT, None)
    return list(taps.values())


class Tapped(nn.Module):
    """A network that returns copies of its taps, in their order."""

    def __init__(self, net: nn.Module, taps: Sequence[Tap]):
        super().__init__()
        self.net, self.taps, self.calls = net, list(taps), {}
        self.hooks = [net.get_submodule(name).register_forward_hook(
            lambda _module, _inputs, result, name=name: self.calls.setdefault(name, []).append(first_tensor(result).clone()))
            for name in dict.fromkeys(t.module for t in taps if t.module)]

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        self.calls = {}
        own = first_tensor(self.net(image))
        calls, self.calls = self.calls, {}
        # A copy each: one tensor under two names would lose one of them.
        return tuple((own if t.module is None else calls[t.module][t.step]).clone() for t in self.taps)


@contextlib.contextmanager
def tapped(net: nn.Module, taps: Sequence[Tap]):
    """[`Tapped`] whose hooks are gone afterwards."""
    wrapped = Tapped(net, taps).eval()
    try:
        yield wrapped
    finally:
        for hook in wrapped.hooks:
            hook.remove()


def print_layers(net: nn.Module, image_shape: Sequence[int]) -> None:
    """Tab-separated: name, kind, shape of one image's activation, units, calls."""
    print('layer\tmodule\tshape\tunits\tsteps')
    seen = observe(net, image_shape)
    valid = usable(seen)
    for name in [n for n, _ in net.named_modules() if n in valid]:
        s = seen[name]
        print('%s\t%s\t%s\t%d\t%d' % (name, s.kind, 'x'.join(map(str, s.shape[1:])), np.prod(s.shape[1:]), s.calls))


# ---------------------------------------------------------------- weights

def randomise_norms(net: nn.Module, seed: int) -> None:
    """Random statistics and parameters of the norms: untouched ones would hide their mistakes."""
    random = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, (nn.GroupNorm, nn.modules.batchnorm._BatchNorm)) and module.weight is not None:
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=random)
            nn.init.normal_(module.bias, 0, 0.2, generator=random)
            if getattr(module, 'running_mean', None) is not None:
                nn.init.normal_(module.running_mean, 0, 0.2, generator=random)
                nn.init.uniform_(module.running_var, 0.5, 1.5, generator=random)


def read_weights(path: str) -> dict[str, torch.Tensor]:
    """Tensors by name from `.safetensors` or any `.pth`, without what wrappers added to it."""
    if not os.path.exists(path):
        raise Failed('`%s` does not exist; give a file to --weights' % path)
    if path.endswith('.safetensors'):
        from safetensors.torch import load_file
        return plain_names(load_file(path))
    try:
        # The formats before and after torch 1.6 are both read by it; nothing in the file is executed.
        content = torch.load(path, map_location='cpu', weights_only=True)
    except Exception as e:
        raise Failed('`%s` is not a file of plain tensors (%s); if you trust it, load it with '
                     '`torch.load(..., weights_only=False)` and save its `state_dict()` again'
                     % (path, str(e).strip().split('. ')[0])) from e
    while isinstance(content, dict):
        inner = next((content[k] for k in ('state_dict', 'model_state_dict', 'model') if isinstance(content.get(k), dict)), None)
        if inner is None:
            break
        content = inner
    if not isinstance(content, dict) or not all(isinstance(v, torch.Tensor) for v in content.values()):
        raise Failed('`%s` holds no state dictionary; save `model.state_dict()`' % path)
    return plain_names(dict(content))


def plain_names(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    while weights and all(k.startswith('module.') for k in weights):
        weights = {k.removeprefix('module.'): v for k, v in weights.items()}
    return weights


def load_weights(net: nn.Module, path: str) -> None:
    weights = read_weights(path)
    ours = net.state_dict()
    # Files older than torch 0.4.1 do not count batches, and evaluation does not need it.
    missing = [k for k in ours if k not in weights and not k.endswith('.num_batches_tracked')]
    unexpected = [k for k in weights if k not in ours]
    other = ['%s %s instead of %s' % (k, tuple(weights[k].shape), tuple(v.shape))
             for k, v in ours.items() if k in weights and weights[k].shape != v.shape]
    problems = ['%s: %s%s' % (what, ', '.join(names[:N_NAMES_SHOWN]),
                              ' and %d more' % (len(names) - N_NAMES_SHOWN) if len(names) > N_NAMES_SHOWN else '')
                for what, names in (('missing', missing), ('unexpected', unexpected), ('of another shape', other)) if names]
    if problems:
        raise Failed('`%s` is not of this network; %s' % (path, '; '.join(problems)))
    net.load_state_dict(weights, strict=False)


def n_parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


# ---------------------------------------------------------------- the file

@contextlib.contextmanager
def quiet():
    """Without the exporters' remarks about tracing and deprecation."""
    logger = logging.getLogger('torch.onnx')
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), open(os.devnull, 'w') as nowhere, contextlib.redirect_stdout(nowhere):
            warnings.simplefilter('ignore')
            yield
    finally:
        logger.setLevel(level)


def trace(net: nn.Module, taps: Sequence[Tap], path: str, image_shape: Sequence[int],
          fixed_batch: int | None, exporter: str) -> None:
    image = torch.randn(fixed_batch or TRACE_BATCH, *image_shape, generator=torch.Generator().manual_seed(0))
    names = [t.name for t in taps]
    hidden = ['__tap_%d' % i for i in range(len(names))]
    with quiet(), torch.no_grad(), tapped(net, taps) as wrapped:
        if exporter == 'dynamo':
            free = None if fixed_batch else ({0: torch.export.Dim('batch')},)
            # Placeholders first: a layer may be called like a value of the exporter's own.
            torch.onnx.export(wrapped, (image,), path, dynamo=True, opset_version=OPSET[exporter], input_names=[INPUT],
                              output_names=hidden, dynamic_shapes=free, external_data=False)
            rename(path, dict(zip(hidden, names)))
        else:
            # TorchScript takes no name that is a number, as the modules of a plain nn.Sequential have.
            numeric = any(name[0].isdigit() for name in names)
            traced = hidden if numeric else names
            axes = {} if fixed_batch else {name: {0: 'batch'} for name in [INPUT, *traced]}
            torch.onnx.export(wrapped, (image,), path, dynamo=False, opset_version=OPSET[exporter], input_names=[INPUT],
                              output_names=traced, dynamic_axes=axes, do_constant_folding=False,
                              training=torch.onnx.TrainingMode.PRESERVE)
            if numeric:
                rename(path, dict(zip(hidden, names)))


def rename(path: str, names: dict[str, str]) -> None:
    """Other names for values of an ONNX file; a value that already has one of them steps aside.

    Also removes the exporter's notes on lines of source code, which hold paths of this machine.
    """
    model = onnx.load(path)
    graph = model.graph
    names = {new: '__' + new for new in names.values()} | names
    for node in graph.node:
        kept = [p for p in node.metadata_props if p.key != 'pkg.torch.onnx.stack_trace']
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
        node.input[:] = [names.get(n, n) for n in node.input]
        node.output[:] = [names.get(n, n) for n in node.output]
    for value in [*graph.input, *graph.output, *graph.value_info, *graph.initializer]:
        value.name = names.get(value.name, value.name)
    onnx.save(model, path)


def export(net: nn.Module, taps: Sequence[Tap], path: str, image_shape: Sequence[int],
           fixed_batch: int | None = None, exporter: str = 'torchscript') -> None:
    """Writes the file whole or not at all, and makes sure that the outputs are called as asked."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    part = path + '.tmp'
    try:
        trace(net.eval(), taps, part, image_shape, fixed_batch, exporter)
        names = [o.name for o in onnx.load(part, load_external_data=False).graph.output]
        if names != [t.name for t in taps]:
            raise Failed('the exporter called the outputs %s; try the other --exporter' % ', '.join(names))
        os.replace(part, path)
    except Failed:
        raise
    except Exception as e:
        raise Failed('PyTorch could not export the network (%s); try the other --exporter'
                     % str(e).strip().splitlines()[0]) from e
    finally:
        if os.path.exists(part):
            os.remove(part)


def random_images(n: int, image_shape: Sequence[int], seed: int = 1) -> torch.Tensor:
    """Random pixels, standardised as the preset `pytorch` does: `(n, C, H, W)`."""
    pixels = torch.rand(n, *image_shape, generator=torch.Generator().manual_seed(seed))
    if image_shape[0] != len(MEAN):
        return pixels
    return (pixels - torch.tensor(MEAN)[:, None, None]) / torch.tensor(SD)[:, None, None]


def activations(net: nn.Module, taps: Sequence[Tap], images: torch.Tensor) -> dict[str, np.ndarray]:
    """PyTorch's answers by output name."""
    with torch.no_grad(), tapped(net.eval(), taps) as wrapped:
        return {t.name: value.numpy() for t, value in zip(taps, wrapped(images))}


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Largest difference over the largest magnitude; infinite if shapes differ or numbers are missing."""
    if ours.shape != theirs.shape or not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        return float('inf')
    scale = float(np.abs(theirs).max())
    return float(np.abs(ours.astype(np.float64) - theirs).max()) / (scale or 1.0)


def session(path: str, threads: int | None = None) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if threads:
        options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])


def differences(net: nn.Module, taps: Sequence[Tap], path: str, image_shape: Sequence[int],
                fixed_batch: int | None = None) -> dict[str, float]:
    """The file in onnxruntime against PyTorch, two random images together and each alone, per output."""
    images = random_images(2, image_shape)
    engine = session(path)
    names = [t.name for t in taps]
    worst = dict.fromkeys(names, 0.0)
    for batch in (images, images[:1], images[1:]):
        rows = len(batch)
        if fixed_batch:
            batch = batch.repeat(-(-fixed_batch // rows), 1, 1, 1)[:fixed_batch]
        expected = activations(net, taps, batch)
        try:
            answers = engine.run(names, {INPUT: batch.numpy()})
        except Exception as e:
            raise Failed('the file does not run on a batch of %d (%s); export with --fixed-batch 1'
                         % (len(batch), str(e).strip().splitlines()[-1])) from e
        for name, answer in zip(names, answers):
            worst[name] = max(worst[name], difference(answer, expected[name]))
    return worst


def sha256(path: str) -> str:
    with open(path, 'rb') as f:
        return hashlib.file_digest(f, 'sha256').hexdigest()


def write_and_check(net: nn.Module, taps: Sequence[Tap], path: str, image_shape: Sequence[int],
                    fixed_batch: int | None = None, exporter: str = 'torchscript') -> float:
    """Exports, compares and says so: a table on stdout. Returns the largest difference."""
    export(net, taps, path, image_shape, fixed_batch, exporter)
    is_right = False
    try:
        found = differences(net, taps, path, image_shape, fixed_batch)
        worst = max(found.values())
        is_right = worst <= TOLERANCE
        print('output\tlargest relative difference from PyTorch')
        for name, value in found.items():
            print('%s\t%.1e' % (name, value))
        if not is_right:
            raise Failed('the file differed from PyTorch by %.1e in `%s`, more than %.0e, and was removed; try the other '
                         '--exporter or --fixed-batch 1' % (worst, max(found, key=found.get), TOLERANCE))
    finally:
        if not is_right:
            os.remove(path)
    print('file\t%s\nbytes\t%d\nsha256\t%s\nparameters\t%d' % (path, os.path.getsize(path), sha256(path), n_parameters(net)))
    return worst
