"""The files of clusters to copy: Ray and YAML know what they say."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

scripts = pytest.importorskip("ray.scripts.scripts")

FOLDER = Path(__file__).parents[1] / "examples" / "clusters"
STARTS = re.compile(r"ray (start .*?)(?:&$|\Z)", re.MULTILINE)


def starts() -> list[list[str]]:
    """The words of all `ray start`, without what a shell makes of them."""
    ssh = yaml.safe_load((FOLDER / "ssh.yaml").read_text())
    lines = [line for name in ("head", "worker") for line in ssh[f"{name}_start_ray_commands"]]
    slurm = (FOLDER / "slurm.sh").read_text()
    has = re.search(r"^has=\((.*)\)$", slurm, re.MULTILINE)[1]
    lines.append(slurm.replace('"${has[@]}"', has))
    found = [words for line in lines for words in STARTS.findall(line.replace("\\\n", ""))]
    return [shlex.split(re.sub(r"\$\(\(.*?\)\)|\$\{.*?\}|\$[A-Za-z_]+", "1", line))[1:] for line in found]


def test_ray_knows_every_option_that_starts_it():
    assert len(starts()) == 4
    for words in starts():
        scripts.start.make_context("start", words)
    manifest = yaml.safe_load_all((FOLDER / "kuberay.yaml").read_text())
    cluster = next(one for one in manifest if one["kind"] == "RayCluster")["spec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        scripts.start.make_context("start", [f"--{name}={value}" for name, value in group["rayStartParams"].items()])


def test_the_launcher_of_ray_takes_the_machines():
    from ray.autoscaler._private.util import prepare_config, validate_config

    validate_config(prepare_config(yaml.safe_load((FOLDER / "ssh.yaml").read_text())))


def test_pods_find_their_volumes_and_are_of_one_image():
    claim, cluster = yaml.safe_load_all((FOLDER / "kuberay.yaml").read_text())
    groups = [cluster["spec"]["headGroupSpec"], *cluster["spec"]["workerGroupSpecs"]]
    pods = [group["template"]["spec"] for group in groups]
    for pod in pods:
        claims = {one["name"]: one["persistentVolumeClaim"]["claimName"] for one in pod["volumes"]}
        assert set(claims.values()) == {claim["metadata"]["name"]}
        assert {mount["name"] for one in pod["containers"] for mount in one["volumeMounts"]} == set(claims)
    images = {one["image"] for pod in pods for one in pod["containers"]}
    assert len(images) == 1 and images.pop() in (FOLDER / "Dockerfile").read_text()
    assert f"rayproject/ray:{cluster['spec']['rayVersion']}-py" in (FOLDER / "Dockerfile").read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="needs bash")
def test_bash_reads_the_job():
    subprocess.run(["bash", "-n", FOLDER / "slurm.sh"], check=True)
