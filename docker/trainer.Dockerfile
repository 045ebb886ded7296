# The trainer: the worker's image with PyTorch for CUDA.
#
#   docker build -f docker/trainer.Dockerfile -t webtext-trainer:0.1.0 .
#
# PyPI's torch brings the CUDA libraries along: of the host it needs the driver and NVIDIA's
# container toolkit. Another CUDA's builds of torch come from another index.
ARG WORKER=webtext-worker:0.1.0

FROM ${WORKER} AS requirements
WORKDIR /tmp
COPY pyproject.toml docker/requirements.py ./
RUN python -P requirements.py train > requirements.txt

# Only what the worker does not have yet, as the files to lay over its environment.
FROM ${WORKER} AS environment
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_CERT
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /tmp
COPY constraints.txt ./
COPY --from=requirements /tmp/requirements.txt ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca \
    pip install --root /tmp/trainer -c constraints.txt -r requirements.txt

FROM ${WORKER}
# torch.compile builds its kernels' launchers with a C compiler; a base whose Python comes from
# Debian needs its headers too: --build-arg COMPILER="gcc libc6-dev python3-dev".
ARG COMPILER="gcc libc6-dev"
USER 0
# Debian's mirrors keep one version of each package, so a pinned one is soon gone.
# hadolint ignore=DL3008,SC2086
RUN apt-get update \
    && apt-get install -y --no-install-recommends ${COMPILER} \
    && rm -rf /var/lib/apt/lists/*
COPY --from=environment --chown=0:0 /tmp/trainer/ /
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001:10001
CMD ["webtext", "train", "--help"]
# A GPU that fell off the bus is what leaves a training hanging without an error.
HEALTHCHECK --interval=60s --timeout=20s --start-period=60s \
    CMD ["nvidia-smi", "--list-gpus"]
