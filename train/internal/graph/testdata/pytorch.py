#!/usr/bin/env python3
"""Trains small nets in PyTorch and writes what came out of it as JSON.

usage: pytorch.py FILE

Numbers come from a generator that the Go test has too, so that the file holds
results only: each case's losses, one a step, and its parameters at the end
(of a large net every 97th), in the order of package mlp: for each layer the
weights, inputs x outputs, then the biases. "rates" are learning rates by
PyTorch's schedulers, one a step.
"""
import json
import sys

import torch
from torch import nn
from torch.nn import functional as F

ACTIVATIONS = {
    "relu": nn.ReLU, "leaky_relu": lambda: nn.LeakyReLU(0.01), "elu": nn.ELU,
    "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "linear": nn.Identity,
}

# The names of the settings are those of pcapline's training configuration.
CASES = {
    "adam": dict(hidden=[9], activations=["relu"], outputs=1, optimizer="adam", rate=0.01),
    "adam, three classes": dict(hidden=[8, 5], activations=["relu", "relu"], outputs=3, optimizer="adam", rate=0.01),
    "adam, L2": dict(hidden=[8], activations=["tanh"], outputs=3, optimizer="adam", rate=0.02, l2=0.05),
    "adamw": dict(hidden=[8], activations=["tanh"], outputs=1, optimizer="adam", rate=0.02, weight_decay=0.1),
    "adam, betas": dict(hidden=[8], activations=["relu"], outputs=1, optimizer="adam", rate=0.02, beta1=0.8, beta2=0.95, epsilon=1e-3),
    "sgd": dict(hidden=[9], activations=["relu"], outputs=1, optimizer="sgd", rate=0.1),
    "sgd, momentum": dict(hidden=[7, 6], activations=["relu", "tanh"], outputs=4, optimizer="sgd", rate=0.05, momentum=0.9),
    "sgd, nesterov, L2": dict(hidden=[9], activations=["relu"], outputs=1, optimizer="sgd", rate=0.05, momentum=0.9, nesterov=True, l2=0.02),
    "rmsprop": dict(hidden=[9], activations=["relu"], outputs=1, optimizer="rmsprop", rate=0.01),
    "rmsprop, momentum, L2": dict(hidden=[9], activations=["relu"], outputs=3, optimizer="rmsprop", rate=0.002, momentum=0.9, l2=0.02, rho=0.9),
    "leaky ReLU and ELU": dict(hidden=[7, 6], activations=["leaky_relu", "elu"], outputs=1, optimizer="adam", rate=0.01),
    "sigmoid and linear": dict(hidden=[7, 6], activations=["sigmoid", "linear"], outputs=3, optimizer="adam", rate=0.02),
    "focal": dict(hidden=[9], activations=["relu"], outputs=1, optimizer="adam", rate=0.01, focal_gamma=2.0),
    "focal, three classes": dict(hidden=[9], activations=["relu"], outputs=3, optimizer="sgd", rate=0.1, focal_gamma=1.5),
    "logistic regression": dict(hidden=[], activations=[], outputs=1, optimizer="sgd", rate=0.5),
    "67-200-1": dict(inputs=67, hidden=[200], activations=["relu"], outputs=1, optimizer="adam", rate=0.001, rows=32, steps=100),
}
DEFAULTS = dict(inputs=5, rows=16, steps=40, l2=0.0, weight_decay=0.0, momentum=0.0, nesterov=False, beta1=0.9, beta2=0.999,
                rho=0.99, epsilon=1e-8, focal_gamma=0.0)


class Numbers:
    """A linear congruential generator; its upper 16 bits are exact in float32."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state * 1664525 + 1013904223) % 2**32
        return self.state >> 16

    def floats(self, n, scale):
        """n numbers in [-scale, scale); scale is a power of two."""
        return [(self.next() / 32768 - 1) * scale for _ in range(n)]


def net(c, numbers):
    layers, width = [], c["inputs"]
    for units, activation in [*zip(c["hidden"], c["activations"]), (c["outputs"], None)]:
        dense = nn.Linear(width, units)
        with torch.no_grad():
            dense.weight.copy_(torch.tensor(numbers.floats(width * units, 0.25)).reshape(width, units).T)
            dense.bias.copy_(torch.tensor(numbers.floats(units, 0.25)))
        layers.append(dense)
        if activation:
            layers.append(ACTIVATIONS[activation]())
        width = units
    return nn.Sequential(*layers)


def optimizer(c, model):
    weights = [p for n, p in model.named_parameters() if n.endswith("weight")]
    biases = [p for n, p in model.named_parameters() if n.endswith("bias")]
    decay = c["weight_decay"] or c["l2"]
    groups = [dict(params=weights, weight_decay=decay), dict(params=biases, weight_decay=0.0)]
    if c["optimizer"] == "adam":
        kind = torch.optim.AdamW if c["weight_decay"] else torch.optim.Adam
        return kind(groups, lr=c["rate"], betas=(c["beta1"], c["beta2"]), eps=c["epsilon"])
    if c["optimizer"] == "sgd":
        return torch.optim.SGD(groups, lr=c["rate"], momentum=c["momentum"], nesterov=c["nesterov"])
    return torch.optim.RMSprop(groups, lr=c["rate"], alpha=c["rho"], eps=c["epsilon"], momentum=c["momentum"])


def loss_of(c, z, target, weight):
    if c["outputs"] == 1:
        rows = F.binary_cross_entropy_with_logits(z[:, 0], target.float(), reduction="none")
    else:
        rows = F.cross_entropy(z, target, reduction="none")
    if c["focal_gamma"]:
        rows = (1 - torch.exp(-rows)) ** c["focal_gamma"] * rows
    return (rows * weight).sum() / weight.sum()


def train(c):
    c = {**DEFAULTS, **c}
    numbers = Numbers(1)
    model = net(c, numbers)
    opt = optimizer(c, model)
    losses = []
    for _ in range(c["steps"]):
        x = torch.tensor(numbers.floats(c["rows"] * c["inputs"], 2)).reshape(c["rows"], c["inputs"])
        weight = torch.tensor(numbers.floats(c["rows"], 0.5)) + 1
        target = torch.tensor([numbers.next() % max(2, c["outputs"]) for _ in range(c["rows"])])
        opt.zero_grad()
        loss = loss_of(c, model(x), target, weight)
        loss.backward()
        opt.step()
        losses.append(loss.item())
    params = []
    for layer in model:
        if isinstance(layer, nn.Linear):
            params += layer.weight.T.flatten().tolist() + layer.bias.tolist()
    every = 1 if len(params) < 1000 else 97
    return {**c, "losses": losses, "every": every, "params": params[::every]}


def rates():
    """Six epochs of four steps at a rate of 0.1."""
    out = {}
    for name, make in {
        "step": lambda o: torch.optim.lr_scheduler.StepLR(o, step_size=2, gamma=0.5),
        "cosine": lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=5, eta_min=0.001),
        "exponential": lambda o: torch.optim.lr_scheduler.ExponentialLR(o, gamma=0.01 ** (1 / 5)),
    }.items():
        opt = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
        schedule, got = make(opt), []
        for _ in range(6):
            got += [opt.param_groups[0]["lr"]] * 4
            opt.step()
            schedule.step()
        out[name] = got
    opt = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    schedule, got = torch.optim.lr_scheduler.LinearLR(opt, start_factor=1 / 8, total_iters=7), []
    for _ in range(24):  # two epochs of warm-up
        got.append(opt.param_groups[0]["lr"])
        opt.step()
        schedule.step()
    out["warmup"] = got
    return out


def main():
    torch.set_num_threads(1)
    cases = {name: train(c) for name, c in CASES.items()}
    with open(sys.argv[1], "w") as f:
        json.dump({"torch": torch.__version__.split("+")[0], "rates": rates(), "cases": cases}, f, indent=None, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main()
