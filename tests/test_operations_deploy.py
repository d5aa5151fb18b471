"""deploy/: every file parses, and its names, ports and times are those of the settings.

Nothing is built or started here: that needs Docker, or a cluster.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bridge.operations.metrics import Metrics
from bridge.operations.running import QUEUES, Snapshot
from bridge.settings import Settings, secret_names, settings_from
from tests.far_ends import KEY

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"
YAML_FILES = sorted(DEPLOY.rglob("*.y*ml"))
FILES_AND_RELEASE_S = 20
"""preStop, the release of the lines, closing connections, the last records and traces."""


def parsed(name: str) -> Any:
    """One of the files."""
    return YAML(typ="safe").load((DEPLOY / name).read_text("utf-8"))


def container() -> Any:
    """The only container of the pods."""
    (only,) = parsed("kubernetes/deployment.yaml")["spec"]["template"]["spec"]["containers"]
    return only


def check_settings(environment: dict[str, str]) -> Settings:
    """The settings of a container: every name is one of ours, every value is accepted."""
    files = {name for name in environment if name.removesuffix("_FILE") in secret_names()}
    values = {name: value for name, value in environment.items() if name not in files}
    return settings_from({**values, "OPENAI_API_KEY": KEY})


@pytest.mark.parametrize("path", YAML_FILES, ids=lambda path: path.name)
def test_it_parses(path: Path) -> None:
    """Every YAML file; those of Kubernetes say what they are."""
    document = YAML(typ="safe").load(path.read_text("utf-8"))

    assert document
    if path.parent.name == "kubernetes":
        assert {"apiVersion", "kind"} <= set(document)


def test_composes_bridge_has_settings_of_ours() -> None:
    """And each of its secrets is declared, and mounted where the setting looks for it."""
    compose = parsed("compose.yaml")
    bridge = compose["services"]["bridge"]
    given = {
        name: re.sub(r"\$\{TWILIO_ACCOUNT_SID.*", "AC" + "0" * 32, value)
        for name, value in bridge["environment"].items()
    }
    given["PUBLIC_URL"] = "https://voice.example.com"
    settings = check_settings(given)
    mounted = {value for name, value in given.items() if name.endswith("_FILE")}
    grace_s = int(bridge["stop_grace_period"].removesuffix("s"))

    assert mounted == {f"/run/secrets/{name}" for name in bridge["secrets"]}
    assert set(bridge["secrets"]) <= set(compose["secrets"])
    assert bridge["ports"] == [f"127.0.0.1:{settings.port}:{settings.port}"]
    assert grace_s >= stopping_s(settings)


def stopping_s(settings: Settings) -> float:
    """How long a stop can take."""
    return settings.drain_seconds + settings.max_call_farewell_seconds + FILES_AND_RELEASE_S


def test_the_pods_have_settings_of_ours() -> None:
    """The config map's names and values; ports, probes and paths fit them."""
    settings = check_settings(parsed("kubernetes/config.yaml")["data"])
    ours = container()
    ports = {port["name"]: port["containerPort"] for port in ours["ports"]}
    files = {each["name"]: each["value"] for each in ours["env"]}
    (mount,) = [each["mountPath"] for each in ours["volumeMounts"] if each["name"] == "secrets"]
    keys = parsed("kubernetes/secret.example.yaml")["stringData"]
    pod = parsed("kubernetes/deployment.yaml")["spec"]["template"]
    check_settings(files)

    assert ports == {"http": settings.port, "metrics": settings.metrics_port}
    assert set(files.values()) == {f"{mount}/{key}" for key in keys}
    assert pod["metadata"]["annotations"]["prometheus.io/port"] == str(settings.metrics_port)
    assert pod["spec"]["terminationGracePeriodSeconds"] >= stopping_s(settings)
    assert pod["spec"]["securityContext"]["runAsNonRoot"]
    assert settings.workers == 1


def test_the_probes_ask_for_pages_that_exist() -> None:
    """Readiness and liveness are different questions."""
    ours = container()
    paths = [ours[f"{which}Probe"]["httpGet"]["path"] for which in ("readiness", "liveness")]

    assert paths == ["/ready?full=ok", "/health"]


def test_service_autoscaler_and_budget_mean_these_pods() -> None:
    """One name and one label in all of them; the autoscaler's metric exists, below MAX_CALLS."""
    autoscaler = parsed("kubernetes/autoscaler.yaml")["spec"]
    (metric,) = autoscaler["metrics"]
    deployment = parsed("kubernetes/deployment.yaml")
    label = {"app": "callbridge"}
    calls_max = int(parsed("kubernetes/config.yaml")["data"]["MAX_CALLS"])

    assert deployment["spec"]["template"]["metadata"]["labels"] == label
    assert parsed("kubernetes/service.yaml")["spec"]["selector"] == label
    assert parsed("kubernetes/disruption.yaml")["spec"]["selector"]["matchLabels"] == label
    assert autoscaler["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    assert metric["pods"]["metric"]["name"] in metric_names()
    assert int(metric["pods"]["target"]["averageValue"]) < calls_max


def test_everything_is_in_the_kustomization() -> None:
    """But the secret, which nobody commits."""
    listed = set(parsed("kubernetes/kustomization.yaml")["resources"])
    there = {path.name for path in (DEPLOY / "kubernetes").iterdir()}

    assert there - listed == {"kustomization.yaml", "secret.example.yaml"}


def metric_names() -> set[str]:
    """All series of ours, labels or not."""
    nothing = Snapshot({}, dict.fromkeys(QUEUES, 0), 0, 0, True, 0.0)
    text = Metrics("m", "1", lambda: nothing).exposition().decode()
    return set(re.findall(r"^# HELP (\w+)", text, re.MULTILINE))


def test_the_dashboard_shows_series_that_exist() -> None:
    """Each expression names one of ours, and the source is the one that is provisioned."""
    board = json.loads((DEPLOY / "grafana/dashboards/callbridge.json").read_text("utf-8"))
    (source,) = parsed("grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    targets = [target for panel in board["panels"] for target in panel["targets"]]
    used = {name for each in targets for name in re.findall(r"callbridge_\w+", each["expr"])}

    assert {target["datasource"]["uid"] for target in targets} == {source["uid"]}
    assert {re.sub(r"_bucket$", "", name) for name in used} <= metric_names()
    # What an operator is promised to see.
    assert {
        *("callbridge_calls", "callbridge_calls_ended_total", "callbridge_calls_refused_total"),
        *("callbridge_response_latency_seconds_bucket", "callbridge_tool_seconds_bucket"),
        *("callbridge_barge_ins_total", "callbridge_truncations_total"),
        *("callbridge_tokens_total", "callbridge_cost_usd_total"),
        *("callbridge_queue_depth", "callbridge_loop_lag_seconds"),
    } <= used


def test_prometheus_scrapes_the_metrics_port() -> None:
    """Of all machines behind the service's name."""
    (job,) = parsed("prometheus/prometheus.yml")["scrape_configs"]
    (found,) = job["dns_sd_configs"]
    compose = parsed("compose.yaml")["services"]

    assert set(found["names"]) <= set(compose)
    assert str(found["port"]) == compose["bridge"]["environment"]["METRICS_PORT"]
