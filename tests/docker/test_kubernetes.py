"""The Kubernetes examples: valid by Kubernetes' and the dask operator's schemas, and consistent."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from deployment import (
    IMAGES,
    MANIFESTS,
    check_command,
    compose,
    containers,
    exposed,
    manifests,
    pod_specs,
)

from pipeline.build.recipe import Recipe
from pipeline.engine.runners.beam_flink import BeamFlinkSettings
from pipeline.engine.runners.profiles import RunnerSettings
from pipeline.engine.runners.scheduler_size import CORES
from pipeline.plan.costs import Shape, UnitCosts
from pipeline.plan.plan import Load, make_plan

#: Kinds of operators: their pods are checked, and the dask operator's by its own schema.
CUSTOM = {"DaskCluster", "FlinkDeployment"}
PODS = [pod for document in manifests() for pod in pod_specs(document)]
OURS = [one for pod in PODS for one in containers(pod) if one.get("image") in IMAGES]


def valid(document: dict[str, Any]) -> None:
    schemas = pytest.importorskip("kubernetes_validate", reason="pip install kubernetes-validate")
    schemas.validate(document, schemas.latest_version(), strict=True)


@pytest.mark.parametrize(
    "document", manifests(), ids=lambda d: f"{d['kind']}-{d['metadata']['name']}"
)
def test_it_is_valid_by_kubernetes_schemas(document: dict[str, Any]) -> None:
    if document["kind"] not in CUSTOM:
        valid(document)
        return
    pods = list(pod_specs(document))
    assert pods
    for pod in pods:
        # Flink's operator fills in the image of its own container.
        filled = [{"image": "flink", **one} for one in pod["containers"]]
        spec = {**pod, "containers": filled}
        valid({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec})


def test_schemas_refuse_what_is_wrong() -> None:
    """The check above can fail: a misspelt key, a port that is no number."""
    job = json.loads(json.dumps(manifests("Job")[0]))
    job["spec"]["backofLimit"] = 3
    with pytest.raises(Exception, match="backofLimit"):
        valid(job)


def test_the_dask_cluster_is_valid_by_the_operators_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="comes with moto")
    package = importlib.util.find_spec("dask_kubernetes")
    if package is None or package.origin is None:
        pytest.skip("needs the extra `kubernetes`")
    folder = Path(package.origin).parent / "operator" / "deployment" / "helm"
    crd = yaml.safe_load((folder / "dask-kubernetes-operator/crds/daskcluster.yaml").read_text())
    assert crd["spec"]["group"] == "kubernetes.dask.org"
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    (cluster,) = manifests("DaskCluster")
    jsonschema.validate(cluster, schema)
    del cluster["spec"]["scheduler"]["service"]
    with pytest.raises(jsonschema.ValidationError, match="service"):
        jsonschema.validate(cluster, schema)


def test_the_dask_pods_are_what_the_operator_expects() -> None:
    """Names that the operator goes by: the worker's, the scheduler's ports and labels."""
    (cluster,) = manifests("DaskCluster")
    name, spec = cluster["metadata"]["name"], cluster["spec"]
    (scheduler,) = spec["scheduler"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in scheduler["ports"]}
    assert ports == {"tcp-comm": 8786, "http-dashboard": 8787}
    service = spec["scheduler"]["service"]
    assert {port["targetPort"] for port in service["ports"]} == set(ports)
    assert service["selector"]["dask.org/cluster-name"] == name
    assert "$(DASK_WORKER_NAME)" in spec["worker"]["spec"]["containers"][0]["args"]


@pytest.mark.parametrize("container", OURS, ids=lambda one: one["name"])
def test_our_container_runs_what_exists_as_no_root(container: dict[str, Any]) -> None:
    check_command(container["args"])
    pod = next(pod for pod in PODS if container in containers(pod))
    context = {**pod.get("securityContext", {}), **container["securityContext"]}
    assert context["runAsNonRoot"] and context["runAsUser"] == 10001
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert not context["allowPrivilegeEscalation"]
    assert context["readOnlyRootFilesystem"]
    scratch = {one["mountPath"]: one["name"] for one in container["volumeMounts"]}["/tmp"]
    assert next(v for v in pod["volumes"] if v["name"] == scratch)["emptyDir"]["sizeLimit"]
    assert container["resources"]["limits"]["memory"]
    served = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
    assert set(served.values()) <= exposed(container["image"])
    for probe in ("readinessProbe", "livenessProbe"):
        asked = container.get(probe, {})
        for how in ("httpGet", "tcpSocket"):
            if how in asked:
                assert asked[how]["port"] in served
    for port in served.values():
        assert container["args"] == ["--worker_pool"] or str(port) in " ".join(container["args"])


def test_every_job_ends_and_keeps_its_node() -> None:
    """A job has a longest time, and a budget that lets no node be emptied under it."""
    jobs = manifests("Job")
    budgets = [one["spec"] for one in manifests("PodDisruptionBudget")]
    assert len(jobs) == 3
    for job in jobs:
        assert job["spec"]["activeDeadlineSeconds"] >= 86_400
        labels = job["spec"]["template"]["metadata"]["labels"]
        # Pods of a job have no scale, so Kubernetes takes whole numbers of pods that must stay.
        assert {"minAvailable": 1, "selector": {"matchLabels": labels}} in budgets


def test_budgets_of_the_dask_cluster_are_for_the_labels_that_the_operator_gives() -> None:
    (cluster,) = manifests("DaskCluster")
    budgets = {one["metadata"]["name"]: one["spec"] for one in manifests("PodDisruptionBudget")}
    for role, least in (("scheduler", 1), ("worker", cluster["spec"]["worker"]["replicas"] - 1)):
        name = cluster["metadata"]["name"]
        labels = {"dask.org/cluster-name": name, "dask.org/component": role}
        assert budgets[f"{name}-{role}"] == {
            "minAvailable": least,
            "selector": {"matchLabels": labels},
        }


def test_the_scheduler_is_sized_by_the_plan_of_its_build() -> None:
    """What the sample's 393 links take on the cluster's workers."""
    (cluster,) = manifests("DaskCluster")
    text = next(d for d in manifests("ConfigMap") if d["metadata"]["name"] == "webtext-recipe")
    recipe = Recipe.checked(tomllib.loads(text["data"]["recipe.toml"]), "recipe.toml")
    load = Load(links=393, mentions=1_000, workers=cluster["spec"]["worker"]["replicas"])
    planned = make_plan(recipe, load, Shape(), UnitCosts()).scheduler
    (scheduler,) = cluster["spec"]["scheduler"]["spec"]["containers"]
    assert scheduler["resources"] == {
        "requests": {"cpu": str(CORES), "memory": f"{planned // 10**6}M"},
        "limits": {"memory": f"{2 * planned // 10**6}M"},
    }


def test_images_are_those_of_compose() -> None:
    known = {service["image"] for service in compose()["services"].values()} | set(IMAGES)
    named = set(re.findall(r"image: (\S+)", "".join(path.read_text() for path in MANIFESTS)))
    assert named <= known


def test_recipes_are_valid_and_name_the_cluster() -> None:
    found: dict[str, RunnerSettings] = {}
    for document in manifests("ConfigMap"):
        values = tomllib.loads(document["data"]["recipe.toml"])
        found[document["metadata"]["name"]] = Recipe.checked(values, "recipe.toml").runner
    assert len(found) == 2
    (cluster,) = manifests("DaskCluster")
    place = f"tcp://{cluster['metadata']['name']}-scheduler:8786"
    assert found["webtext-recipe"].dask.scheduler == place
    flink = found["webtext-flink-recipe"].of(BeamFlinkSettings)
    assert (flink.environment, flink.environment_config) == ("EXTERNAL", "localhost:50000")


def test_flink_is_of_the_version_that_beam_is_told() -> None:
    version = BeamFlinkSettings().version
    (deployment,) = manifests("FlinkDeployment")
    assert deployment["spec"]["flinkVersion"] == f"v{version.replace('.', '_')}"
    assert deployment["spec"]["image"].startswith(f"flink:{version}.")
    main = deployment["spec"]["taskManager"]["podTemplate"]["spec"]["containers"][0]
    assert main["name"] == "flink-main-container"
    master = f"--flink-master={deployment['metadata']['name']}-rest:8081"
    assert any(master in one.get("args", []) for pod in PODS for one in containers(pod))


def test_what_is_mounted_and_taken_is_there() -> None:
    claims = {d["metadata"]["name"] for d in manifests("PersistentVolumeClaim")}
    maps = {d["metadata"]["name"] for d in manifests("ConfigMap")}
    for pod in PODS:
        volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
        for one in containers(pod):
            assert {mount["name"] for mount in one.get("volumeMounts", [])} <= set(volumes)
        for volume in volumes.values():
            assert volume.get("persistentVolumeClaim", {}).get("claimName") in {None, *claims}
            assert volume.get("configMap", {}).get("name") in {None, *maps}
    assert not manifests("Secret"), "secrets are made by the user, not committed"
