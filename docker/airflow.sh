#!/bin/sh
# Airflow's database, this project's pools, then all of Airflow in one process group.
set -eu
airflow db migrate
airflow pools import "$AIRFLOW__CORE__DAGS_FOLDER/pools.json"
exec airflow standalone
