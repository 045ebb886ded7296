#!/opt/webtext/bin/python
"""Stands in for Beam's boot program, which is in Beam's own images only: the same contract.

It asks the runner for the pipeline's options and starts the SDK harness; staged files,
of which these pipelines have none that they need, stay where they are.
Source: https://s.apache.org/beam-fn-api-container-contract and Beam's boot.go.
"""

import argparse
import os

import grpc
from apache_beam.portability.api import (
    beam_provision_api_pb2,
    beam_provision_api_pb2_grpc,
    endpoints_pb2,
)
from google.protobuf import json_format, text_format

POOL = ["--service_port=50000", "--container_executable=/opt/apache/beam/boot"]


def start(module: str, *arguments: str) -> None:
    os.execvp("python", ["python", "-m", f"apache_beam.runners.worker.{module}", *arguments])


def descriptor(url: str) -> str:
    return text_format.MessageToString(endpoints_pb2.ApiServiceDescriptor(url=url))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--worker_pool", action="store_true")
    for name in ("id", "logging_endpoint", "artifact_endpoint"):
        parser.add_argument(f"--{name}")
    for name in ("provision_endpoint", "control_endpoint"):
        parser.add_argument(f"--{name}")
    given = parser.parse_args()
    if given.worker_pool:
        start("worker_pool_main", *POOL)
    service = beam_provision_api_pb2_grpc.ProvisionServiceStub(
        grpc.insecure_channel(given.provision_endpoint)
    )
    info = service.GetProvisionInfo(
        beam_provision_api_pb2.GetProvisionInfoRequest(), metadata=[("worker_id", given.id)]
    ).info
    os.environ.update(
        WORKER_ID=given.id,
        PIPELINE_OPTIONS=json_format.MessageToJson(info.pipeline_options),
        SEMI_PERSISTENT_DIRECTORY="/tmp",
        LOGGING_API_SERVICE_DESCRIPTOR=descriptor(given.logging_endpoint),
        CONTROL_API_SERVICE_DESCRIPTOR=descriptor(given.control_endpoint),
    )
    start("sdk_worker_main")
