/**
 * The Python program that renumbers the experts of a checkpoint; `__RENUMBERING__` stands for the permutation as JSON.
 *
 * Weights are moved as bytes and never interpreted, so that every number format passes as it is, and Python alone is
 * enough. Experts that are tensors of their own are renamed in the head of their file and stay where they lie; of fused
 * tensors and of the router the blocks of the experts are copied in their new order, one at a time.
 * Source: safetensors, format of version 0.3 and later: eight bytes of length, a JSON head, the data without holes.
 */
export const renumberScript = String.raw`#!/usr/bin/env python3
"""Renumbers the experts of a checkpoint, router and all, so that runs of ids are a placement that moeplace found.

    python3 THIS.py CHECKPOINT OUTPUT           write the renumbered checkpoint
    python3 THIS.py --undo CHECKPOINT OUTPUT    write the checkpoint in its first order again

CHECKPOINT is a folder of .safetensors files with config.json. The model computes the same as before; an engine that
gives EP rank r the r-th run of expert ids serves the placement. Needs Python 3.8 or newer and nothing else.
"""
import argparse
import array
import json
import os
import re
import shutil
import struct
import sys
import zipfile
from pathlib import Path

# newToOld[i]: the expert of the checkpoint that becomes expert i of the layer.
RENUMBERING = json.loads("""
__RENUMBERING__
""")

MARK = "moeplace-renumbering.json"
# Heads of the first .safetensors files and the first index as they were, byte by byte, for --undo.
HEADS = "moeplace-first-heads.zip"
CHUNK = 1 << 24
EXPERTS = re.compile(r"(.*?\.)(experts\.|(?<=\.block_sparse_moe\.)(?:in|out)put_linear\.)(.+)$")
LAYER = re.compile(r"(?:^|\.)(?:layers|h|blocks)\.(\d+)\.")
SEPARATE = (
    re.compile(r"((?:local_experts\.)?)(\d+)(\..+)$"),
    re.compile(r"(linear_fc[12]\.(?:weight|bias))(\d+)()$"),
)
ROUTER = re.compile(r"(?:gate|router|moe_statics|expert_bias|e_score_correction_bias)(?:\.|$)")
PACKED = re.compile(r"qweight|qzeros|scales$|weight_packed|weight_scale|quant_state|absmax")
ELSEWHERE = re.compile(r"[^.]*(?:attn|attention|norm|shared|mlp)")
ARRAY_TYPES = {"I64": "q", "I32": "i", "I16": "h", "U16": "H", "U8": "B"}


def stop(message):
    sys.exit("renumber: " + message)


def head_bytes(path):
    with open(path, "rb") as file:
        length = file.read(8)
        return length + file.read(struct.unpack("<Q", length)[0])


def read_head(path):
    """Tensors of a file by name, its metadata, and where its data begins."""
    data = head_bytes(path)
    head = json.loads(data[8:])
    metadata = head.pop("__metadata__", None)
    return head, metadata, len(data)


def split_separate(rest):
    """What stands before, in and behind the number of an expert that has a tensor of its own."""
    for pattern in SEPARATE:
        match = pattern.match(rest)
        if match:
            return match.group(1), int(match.group(2)), match.group(3)
    return None


def count(shape):
    product = 1
    for size in shape:
        product *= size
    return product


def find_modules(tensors):
    """Layer of every MoE module, by its name with a full stop behind."""
    modules = {}
    for name in tensors:
        match = EXPERTS.match(name)
        layer = match and LAYER.findall(match.group(1))
        if layer:
            modules[match.group(1)] = int(layer[-1])
    return modules


class Plan:
    """What becomes of every tensor: a new name, its blocks in a new order, or its values (expert ids) mapped."""

    def __init__(self, orders, num_experts):
        self.orders, self.num_experts = orders, num_experts
        self.names, self.blocks, self.values = {}, {}, {}

    def add_module(self, module, layer, tensors):
        order = self.orders[layer]
        new_of = {old: new for new, old in enumerate(order)}
        found, routed = {}, False
        for name in (name for name in tensors if name.startswith(module)):
            shape, rest = tensors[name]["shape"], name[len(module):]
            experts = EXPERTS.match(name)
            if experts and experts.group(1) == module:
                separate = split_separate(experts.group(3))
                if separate is None:
                    self.add_fused(name, shape, order)
                    continue
                before, expert, behind = separate
                found.setdefault(before + "N" + behind, set()).add(expert)
                if expert in new_of:
                    renamed = before + str(new_of[expert]) + behind
                    self.names[name] = module + experts.group(2) + renamed
            elif ROUTER.match(rest):
                routed = self.add_router(name, shape, order, new_of) or routed
            elif self.num_experts in shape and not ELSEWHERE.match(rest):
                stop("%s %s: not known, and one size is the number of experts" % (name, shape))
        for name, experts in found.items():
            if experts != set(range(self.num_experts)):
                stop("%s%s: found %d experts, expected 0 to %d" % (module, name, len(experts), self.num_experts - 1))
        if not routed:
            stop("%s: found no router with a row for each of %d experts" % (module[:-1], self.num_experts))

    def add_fused(self, name, shape, order):
        if count(shape) == 1:
            return
        # Megatron's grouped weight1 is [hidden, experts * width], read as [experts, hidden, width].
        if shape[0] % self.num_experts != 0 and not name.endswith(".experts.weight1"):
            stop("%s %s: the first size is no multiple of %d experts" % (name, shape, self.num_experts))
        self.blocks[name] = order

    def add_router(self, name, shape, order, new_of):
        if name.endswith(".tid2eid"):
            self.values[name] = new_of
        elif PACKED.search(name.rsplit(".", 1)[-1]):
            stop("%s: the router is packed, expected one row of plain numbers an expert" % name)
        elif shape and (shape[0] == self.num_experts or count(shape) == self.num_experts):
            self.blocks[name] = order
            return len(shape) > 1 and shape[0] == self.num_experts
        elif self.num_experts in shape:
            stop("%s %s: expected the experts first" % (name, shape))
        return False


def check_groups(config, orders, num_experts):
    """Routers that choose expert groups first (n_group) may only see groups that hold the same experts as before."""
    config = {**config, **config.get("text_config", {})}
    known = [config[key] for key in ("n_routed_experts", "num_local_experts", "num_experts") if config.get(key)]
    if known and num_experts not in known:
        stop("config.json: found %s experts, expected %d" % (known[0], num_experts))
    groups = config.get("n_group") or 1
    if groups == 1 or config.get("topk_group") == groups or config.get("topk_method") == "greedy":
        return None
    size = num_experts // groups
    for layer, order in sorted(orders.items()):
        for start in range(0, num_experts, size):
            if len({old // size for old in order[start:start + size]}) > 1:
                return (
                    "layer %d: the router chooses among %d groups of %d ids, and experts leave their group: the model "
                    "would answer otherwise" % (layer, groups, size)
                )
    return None


def copy_bytes(source, target, start, length):
    source.seek(start)
    while length > 0:
        chunk = source.read(min(length, CHUNK))
        if not chunk:
            stop("%s: the file was cut off" % source.name)
        target.write(chunk)
        length -= len(chunk)


def map_values(data, number_type, new_of, name):
    if number_type not in ARRAY_TYPES:
        stop("%s: found %s, expected whole numbers" % (name, number_type))
    ids = array.array(ARRAY_TYPES[number_type], data)
    if sys.byteorder == "big":
        ids.byteswap()
    ids = array.array(ids.typecode, (new_of.get(expert, expert) for expert in ids))
    if sys.byteorder == "big":
        ids.byteswap()
    return ids.tobytes()


def write_shard(path, output, plan, first):
    tensors, metadata, data_start = read_head(path)
    head = {} if metadata is None else {"__metadata__": metadata}
    in_order = sorted(tensors.items(), key=lambda item: item[1]["data_offsets"])
    for name, tensor in in_order:
        head[plan.names.get(name, name)] = tensor
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    data = struct.pack("<Q", len(text)) + text
    if path.name in first:
        # The same tensors in the same places, as they were written first.
        if json.loads(first[path.name][8:]) != head:
            stop("%s: is not the file that was renumbered" % path)
        data = first[path.name]
    part = output.with_name(output.name + ".part")
    with open(path, "rb") as source, open(part, "wb") as target:
        target.write(data)
        for name, tensor in in_order:
            begin, end = tensor["data_offsets"]
            if name in plan.values:
                source.seek(data_start + begin)
                data = source.read(end - begin)
                target.write(map_values(data, tensor["dtype"], plan.values[name], name))
            elif name in plan.blocks:
                order = plan.blocks[name]
                if (end - begin) % len(order) != 0:
                    stop("%s: its bytes do not divide by %d experts" % (name, len(order)))
                block = (end - begin) // len(order)
                for expert in order:
                    copy_bytes(source, target, data_start + begin + expert * block, block)
            else:
                copy_bytes(source, target, data_start + begin, end - begin)
    os.replace(part, output)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--undo", action="store_true", help="from the new order to the first one")
    parser.add_argument("--force", action="store_true", help="even where the router would choose other experts")
    options = parser.parse_args()
    checkpoint, output, undo = options.checkpoint, options.output, options.undo
    if not checkpoint.is_dir():
        stop("%s: found no folder" % checkpoint)
    shards = sorted(checkpoint.glob("*.safetensors"))
    if not shards:
        stop("%s: found no .safetensors file" % checkpoint)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        stop("%s: is there already" % output)
    if (checkpoint / MARK).exists() != undo:
        stop("%s: is %srenumbered" % (checkpoint, "not " if undo else "already "))
    if undo and json.loads((checkpoint / MARK).read_text()) != RENUMBERING:
        stop("%s: was renumbered by another script" % checkpoint)

    num_experts = RENUMBERING["numExperts"]
    orders = {row["layer"]: row["newToOld"] for row in RENUMBERING["layers"]}
    config_path = checkpoint / "config.json"
    problem = check_groups(json.loads(config_path.read_text()) if config_path.exists() else {}, orders, num_experts)
    if problem and not options.force:
        stop(problem + " (--force renumbers all the same)")
    if undo:
        orders = {layer: sorted(range(num_experts), key=order.__getitem__) for layer, order in orders.items()}

    tensors, file_of = {}, {}
    for shard in shards:
        for name, tensor in read_head(shard)[0].items():
            tensors[name], file_of[name] = tensor, shard.name
    modules = find_modules(tensors)
    missing = sorted(set(orders) - set(modules.values()))
    if missing:
        stop("%s: found no experts in layers %s" % (checkpoint, missing))
    plan = Plan(orders, num_experts)
    for module, layer in sorted(modules.items()):
        if layer in orders:
            plan.add_module(module, layer, tensors)
    left = sorted(set(modules.values()) - set(orders))
    if left:
        print("left as they are, having no placement: layers %s" % left)

    first = {}
    if undo and (checkpoint / HEADS).exists():
        with zipfile.ZipFile(checkpoint / HEADS) as archive:
            first = {name: archive.read(name) for name in archive.namelist()}
    output.mkdir(parents=True, exist_ok=True)
    indexes = []
    for path in sorted(checkpoint.iterdir()):
        if path in shards:
            write_shard(path, output / path.name, plan, first)
            print("wrote %s" % (output / path.name))
        elif path.name.endswith(".safetensors.index.json"):
            index = json.loads(path.read_text())
            index["weight_map"] = {plan.names.get(name, name): file for name, file in index["weight_map"].items()}
            text = json.dumps(index, indent=2, sort_keys=True) + "\n"
            (output / path.name).write_bytes(first.get(path.name, text.encode()))
            indexes.append(path)
        elif path.is_dir() or path.suffix in (".bin", ".pt", ".pth", ".gguf"):
            print("left out %s: it may hold weights in another order" % path.name)
        elif path.name not in (MARK, HEADS):
            shutil.copy2(path, output / path.name)
    if not undo:
        with zipfile.ZipFile(output / HEADS, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in shards:
                archive.writestr(path.name, head_bytes(path))
            for path in indexes:
                archive.writestr(path.name, path.read_bytes())
        (output / MARK).write_text(json.dumps(RENUMBERING) + "\n")


if __name__ == "__main__":
    main()
`;
