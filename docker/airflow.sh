#!/bin/sh
# Airflow's database, this project's pools, then all of Airflow in one process group.
set -eu
airflow db migrate
airflow pools import /opt/airflow/dags/pools.json
exec airflow standalone
