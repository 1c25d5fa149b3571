"""Attention layers of a U-Net of diffusers, recorded and masked by hooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn

from studio.models.attention import AttentionAccess, AttentionMaps, RegionMask, keep_output
from studio.models.backbone import Backbone

CROSS, SELF = "attn2", "attn1"  # what diffusers calls the layer that reads the prompt, and the other
SELF_MASK_SIDE = 32  # cells; finer self-attention mixes textures, not objects, and its masks would be large


class UNetAttention(AttentionAccess):
    """The attention of a backbone whose denoiser is a U-Net."""

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone
        self._named: dict[str, dict[str, nn.Module]] = {}

    def _layers(self, name: str) -> dict[str, nn.Module]:
        if name not in self._named:  # asked for in every step, of a thousand sites
            sites = self.backbone.sites.items()
            self._named[name] = {site: layer for site, layer in sites if site.endswith(f".{name}")}
        return self._named[name]

    @contextmanager
    def record(self, side: int | None = None) -> Iterator[AttentionMaps]:
        """See `AttentionAccess.record`."""
        recorded = AttentionMaps()

        def watch(site: str, layer: Any) -> None:
            projected: dict[str, Tensor] = {}

            def finish(module: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
                q, k = (projected.pop(name).unflatten(-1, (layer.heads, -1)).transpose(1, 2) for name in "qk")
                if side is not None and q.shape[2] != side * side:
                    return
                recorded.maps[site] = (q.float() @ k.float().transpose(-1, -2) * layer.scale).softmax(-1)

            keep_output(hooks, layer.to_q, projected, "q")
            keep_output(hooks, layer.to_k, projected, "k")
            hooks.enter_context(layer.register_forward_hook(finish))

        with ExitStack() as hooks:
            for site, layer in self._layers(CROSS).items():
                watch(site, layer)
            yield recorded

    @contextmanager
    def reading(self, hidden: Mapping[str, Tensor]) -> Iterator[None]:
        """Context manager: the projections at these sites read their own encodings (n, L, D)."""

        def exchange(own: Tensor, layer: nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor]:
            return (own,)

        with ExitStack() as hooks:
            for site, own in hidden.items():
                layer = self.backbone.sites[site]
                hooks.enter_context(layer.register_forward_pre_hook(partial(exchange, own)))
            yield

    @contextmanager
    def apply(self, mask: RegionMask | None, mask_self_attention: bool) -> Iterator[None]:
        """See `AttentionAccess.apply`. Self-attention is masked in layers of at most 32 x 32 cells."""

        def masked_by(mask: RegionMask, reads_text: bool) -> Callable[..., Any]:
            def before(layer: Any, arguments: tuple[Tensor, ...], options: dict[str, Any]) -> Any:
                x = arguments[0]
                if not reads_text and x.shape[1] > SELF_MASK_SIDE**2:
                    return None
                return arguments, options | {"attention_mask": mask.bias(layer.heads, x, reads_text)}

            return before

        with ExitStack() as hooks:
            if mask is not None:
                for name in (CROSS, SELF) if mask_self_attention else (CROSS,):
                    before = masked_by(mask, reads_text=name == CROSS)
                    for layer in self._layers(name).values():
                        hooks.enter_context(layer.register_forward_pre_hook(before, with_kwargs=True))
            yield
