# Airflow with the DAGs of this project; webtext has an environment of its own beside it.
#
#   docker build -f docker/airflow.Dockerfile -t webtext-airflow:0.1.0 .
#
# With WORKER=webtext-trainer:0.1.0 the tasks of webtext_train find PyTorch in the same container.
ARG WORKER=webtext-worker:0.1.0

FROM ${WORKER} AS environment
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_CERT
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
# hadolint ignore=DL3002
USER 0
WORKDIR /src
COPY dags/requirements.txt dags/constraints.txt ./
# Airflow's pins and Beam's need not agree: neither sees the other's environment.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca \
    python -P -m venv /opt/airflow \
    && /opt/airflow/bin/pip install -r requirements.txt -c constraints.txt

FROM ${WORKER}
USER 0
COPY --from=environment /opt/airflow /opt/airflow
COPY dags /opt/airflow/dags
COPY docker/airflow.sh /opt/airflow/bin/
RUN install -d -o webtext -g webtext -m 1777 /var/lib/airflow
ENV PATH=$PATH:/opt/airflow/bin \
    AIRFLOW_HOME=/var/lib/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/airflow/dags \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    AIRFLOW__CORE__PARALLELISM=8 \
    WEBTEXT_COMMAND=/opt/webtext/bin/webtext \
    WEBTEXT_FOLDER=/data
USER 10001:10001
EXPOSE 8080
# One container that does all, for one host; on a cluster its parts are `airflow scheduler` etc.
CMD ["airflow.sh"]
# `airflow standalone` stops its parts, and they their tasks, on SIGINT alone: SIGTERM ends it at once.
STOPSIGNAL SIGINT
HEALTHCHECK --interval=30s --timeout=10s --start-period=180s \
    CMD ["python", "/opt/webtext/bin/healthy.py", "http://127.0.0.1:8080/api/v2/monitor/health"]
