# The worker: this package as a dask worker, a Beam SDK harness and the `webtext` command.
#
#   docker build -f docker/worker.Dockerfile -t webtext-worker:0.1.0 .
#
# BASE needs Python 3.11 to 3.13 with venv, the version of all other machines. BEAM gives only its
# boot program, so its Python must not differ from BASE's. The target `worker` leaves BEAM out.
ARG BASE=python:3.11.14-slim-bookworm@sha256:bcbbec29f7a3f9cbee891e3cd69d7fe4dec7e281daf36cbd415ddd8ee2ba0077
ARG BEAM=apache/beam_python3.11_sdk:2.77.0

FROM ${BASE} AS requirements
ARG EXTRAS=api,cloud,pdf
WORKDIR /src
COPY pyproject.toml docker/requirements.py ./
RUN python3 -P requirements.py "${EXTRAS}" > requirements.txt

# What the package depends on: installed again only when that list or constraints.txt change.
FROM ${BASE} AS environment
# The package index: these, or a whole pip.conf as the secret `pip`; a CA of one's own as `ca`.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_CERT
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY constraints.txt ./
COPY --from=requirements /src/requirements.txt ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca \
    python3 -P -m venv /opt/webtext \
    && /opt/webtext/bin/pip install -c constraints.txt -r requirements.txt

# The package alone, as the files to lay over that environment: a small layer of its own.
FROM environment AS package
COPY pyproject.toml README.md LICENSE NOTICE webtext.py ./
COPY pipeline pipeline
COPY trainer trainer
RUN /opt/webtext/bin/pip install --no-index --no-build-isolation --no-deps --root /package .

FROM ${BASE} AS worker
COPY --from=environment /opt/webtext /opt/webtext
COPY --from=package /package/ /
COPY docker/entrypoint.sh docker/healthy.py docker/sbom.py /opt/webtext/bin/
# /data and /tmp take files of any user, for `docker run --user`. Builds ask for a fixed hash seed;
# Beam's boot program must not make another environment.
RUN groupadd --gid 10001 webtext \
    && useradd --uid 10001 --gid 10001 --home-dir /tmp --no-log-init --shell /usr/sbin/nologin webtext \
    && install -d -o webtext -g webtext -m 1777 /data \
    && ln -s /opt/webtext/lib/python3*/site-packages/pipeline/sample /opt/webtext/sample
ENV PATH=/opt/webtext/bin:$PATH \
    HOME=/tmp \
    USER=webtext \
    PYTHONUNBUFFERED=1 \
    PYTHONHASHSEED=0 \
    PYTHONSAFEPATH=1 \
    DASK_TEMPORARY_DIRECTORY=/tmp \
    RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1
USER 10001:10001
WORKDIR /data
ENTRYPOINT ["/opt/webtext/bin/entrypoint.sh"]
# A dask worker of the scheduler that DASK_SCHEDULER_ADDRESS names.
CMD ["dask", "worker", "--nthreads", "1", "--dashboard-address", ":8790"]
EXPOSE 8786 8787 8790 50000
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD ["python", "/opt/webtext/bin/healthy.py", "http://127.0.0.1:8790/health"]

# Beam's boot program, for runners that start the image by Beam's container contract.
FROM ${BEAM} AS beam

FROM worker AS harness
COPY --from=beam /opt/apache/beam/boot /opt/apache/beam/LICENSE /opt/apache/beam/NOTICE /opt/apache/beam/
