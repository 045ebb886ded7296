"""The submitting side's share of Beam: a pipeline as fused stages that tasks can run one by one.

The stages are made by the phases of Beam's own FnApiRunner, with two differences:
stateful steps are marked as roots, so that their input can be split by key; and a
Reshuffle becomes a write to and a read from a buffer, which the runner spreads
evenly over the partitions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2 as pb
from apache_beam.runners.portability.fn_api_runner import translations
from apache_beam.runners.worker.bundle_processor import DATA_INPUT_URN, DATA_OUTPUT_URN
from apache_beam.utils import proto_utils

RESHUFFLE = common_urns.composites.RESHUFFLE.urn
_KEPT = frozenset(
    [
        common_urns.primitives.FLATTEN.urn,
        common_urns.primitives.GROUP_BY_KEY.urn,
        RESHUFFLE,
    ]
)


def fused_stages(pipeline: pb.Pipeline) -> tuple[Any, list[Any]]:
    """(context, stages) of a pipeline, in an order in which they can run."""
    phases = [
        translations.annotate_downstream_side_inputs,
        translations.annotate_stateful_dofns_as_roots,
        translations.fix_side_input_pcoll_coders,
        translations.pack_combiners,
        translations.lift_combiners,
        translations.expand_sdf,
        translations.expand_gbk,
        expand_reshuffle,
        translations.sink_flattens,
        translations.greedily_fuse,
        translations.read_to_impulse,
        translations.impulse_to_input,
        translations.sort_stages,
        translations.add_impulse_to_dangling_transforms,
        translations.setup_timer_mapping,
        translations.populate_data_channel_coders,
    ]
    context, stages = translations.create_and_optimize_stages(
        pipeline, phases=phases, known_runner_urns=_KEPT
    )
    return context, list(stages)


def expand_reshuffle(stages: Iterable[Any], context: Any) -> Iterator[Any]:
    """Replaces each Reshuffle, also those inside splittable DoFns, by a spread buffer."""
    for stage in stages:
        if stage.transforms[0].spec.urn == RESHUFFLE:
            yield from _through_buffer(stage, context)
        else:
            yield stage


def _through_buffer(stage: Any, context: Any) -> Iterator[Any]:
    transform = stage.transforms[0]
    collections = context.components.pcollections
    out = translations.only_element(transform.outputs.values())
    source = _main_input(transform, collections, out)
    collections[out].coder_id = collections[source].coder_id
    context.length_prefix_pcoll_coders(source)
    context.length_prefix_pcoll_coders(out)
    name = transform.unique_name
    buffer_id = translations.create_buffer_id(f"reshuffle/{name}")
    write = translations.Stage(
        f"{name}/Write",
        [
            pb.PTransform(
                unique_name=f"{name}/Write",
                inputs={"in": source},
                spec=pb.FunctionSpec(urn=DATA_OUTPUT_URN, payload=buffer_id),
            )
        ],
        downstream_side_inputs=frozenset(),
        must_follow=stage.must_follow,
    )
    yield write
    yield translations.Stage(
        f"{name}/Read",
        [
            pb.PTransform(
                unique_name=f"{name}/Read",
                outputs={"out": out},
                spec=pb.FunctionSpec(urn=DATA_INPUT_URN, payload=buffer_id),
            )
        ],
        downstream_side_inputs=stage.downstream_side_inputs,
        must_follow=translations.union(frozenset([write]), stage.must_follow),
    )


def _main_input(transform: pb.PTransform, collections: Any, out: str) -> str:
    """The Reshuffle of a splittable DoFn lists its side inputs too; those have another coder."""
    sources = list(transform.inputs.values())
    if len(sources) > 1:
        sources = [p for p in sources if collections[p].coder_id == collections[out].coder_id]
    (source,) = sources
    return str(source)


def main_inputs(stage: Any) -> list[tuple[str, bytes]]:
    """(transform, buffer) of each main input of a stage."""
    return [
        (t.unique_name, t.spec.payload) for t in stage.transforms if t.spec.urn == DATA_INPUT_URN
    ]


def outputs(stage: Any) -> dict[bytes, str]:
    """{buffer: PCollection} of all that a stage writes."""
    return {
        t.spec.payload: translations.only_element(t.inputs.values())
        for t in stage.transforms
        if t.spec.urn == DATA_OUTPUT_URN
    }


def side_inputs(stage: Any) -> dict[tuple[str, str], tuple[bytes, Any]]:
    """{(transform, tag): (buffer, access pattern)} of all side inputs of a stage."""
    return {
        (t.unique_name, tag): (translations.create_buffer_id(t.inputs[tag]), side.access_pattern)
        for t in stage.transforms
        if t.spec.urn in translations.PAR_DO_URNS
        for tag, side in proto_utils.parse_Bytes(
            t.spec.payload, pb.ParDoPayload
        ).side_inputs.items()
    }


def is_grouped(buffer_id: bytes) -> bool:
    """True for a buffer that a GroupByKey reads."""
    return buffer_id.split(b":", 1)[0] == b"group"


def is_reshuffled(buffer_id: bytes) -> bool:
    """True for a buffer made by `expand_reshuffle`."""
    return buffer_id.partition(b":")[2].startswith(b"reshuffle/")
