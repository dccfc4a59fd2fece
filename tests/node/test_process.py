"""The command line, with a node in a process of its own."""

import json
import signal
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import trustme
from helpers.node_bench import Bench, await_true, mr
from pynetdicom import AE

from sdseg.errors import InputError
from sdseg.node.check import check_node
from sdseg.node.config_file import load_config
from sdseg.node.dead_letters import DeadLetters
from sdseg.node.node import Node
from sdseg.serving.launch import free_port

SDSEG = [sys.executable, "-c", "from sdseg.cli.main import main; main()", "node"]


def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*SDSEG, *arguments], capture_output=True, text=True, check=False)


def test_a_node_from_start_to_stop(bench: Bench) -> None:
    bench.settings["metrics"] = {"port": free_port()}
    bench.settings["rules"][0]["series_description"] = "none"  # without a model it is quick
    config = str(bench.config_file)
    log = bench.folder / "log"
    with log.open("wb") as stream:
        node = subprocess.Popen([*SDSEG, "--config", config], stderr=stream)
    try:
        await_true(lambda: b"listening" in log.read_bytes() or node.poll() is not None, "the node listens")
        second = ask("--config", config)
        assert second.returncode == 1
        assert second.stderr.count("\n") == 1 and str(bench.home.root) in second.stderr

        broken = mr("two")[0]
        del broken.StudyInstanceUID
        assert bench.send([*mr(), *mr(), broken]) == [0] * 8 + [0xC000]
        bench.await_state("ignored")
        told = json.loads(ask("status", "--json", "--config", config).stdout)
        assert told["series"]["ignored"] == 1
        assert told["instances"] == 4

        address = f"http://127.0.0.1:{bench.settings['metrics']['port']}/metrics"
        with urllib.request.urlopen(address, timeout=30) as answer:
            metrics = answer.read().decode()
        for line in (
            "sdseg_node_received_instances_total 4.0",
            "sdseg_node_duplicate_instances_total 4.0",
            'sdseg_node_refused_instances_total{status="0xC000"} 1.0',
            'sdseg_node_series{state="ignored"} 1.0',
            "sdseg_node_queue_age_seconds 0.0",
        ):
            assert line in metrics
        node.send_signal(signal.SIGTERM)
        assert node.wait(60) == 0
    finally:
        node.kill()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {"listening", "instance refused", "series ignored", "stopped"} <= {line["message"] for line in lines}
    assert "SECRET" not in log.read_text()
    assert "SYNTH" not in log.read_text()


def test_a_rule_without_weights_is_told_at_the_start(bench: Bench) -> None:
    bench.settings["rules"].append({"weights": "missing", "targets": list(bench.settings["targets"])})
    result = ask("--config", str(bench.config_file))
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1 and "rules: number 2: " in result.stderr
    assert "missing is not a weights folder" in result.stderr


def test_check_says_what_is_wrong(bench: Bench) -> None:
    bench.settings["targets"]["gone"] = {"address": f"dicom://NOBODY@127.0.0.1:{free_port()}"}
    bench.settings["rules"].append({"weights": "missing", "targets": ["gone"]})
    found = dict(check_node(load_config(bench.config_file)))
    missing = f"weights {bench.folder / 'missing'}"
    assert found.keys() == {"home", f"weights {bench.weights}", missing, "target archive", "target gone"}
    assert {what for what, error in found.items() if error} == {missing, "target gone"}


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"address": "ftp://pacs"}, "targets.archive: "),
        ({"address": "dicom://PACS"}, "targets.archive: "),
        ({"address": "dicom://PACS@127.0.0.1:104?calling=OTHER"}, "leave calling out"),
        ({"address": "dicom://PACS@127.0.0.1:104", "confirm": "qido"}, "needs the dicomweb address"),
        ({"address": "http://127.0.0.1/dicom-web", "password_variable": "UNSET_VARIABLE"}, "UNSET_VARIABLE"),
    ],
)
def test_a_target_that_cannot_be_is_one_line(bench: Bench, target: dict[str, str], said: str) -> None:
    bench.settings["targets"] = {"archive": target}
    with pytest.raises(InputError) as refused:
        Node(load_config(bench.config_file)).run()
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_taken_port_is_one_line(bench: Bench) -> None:
    with bench.running():
        bench.settings["home"] = "another"
        with pytest.raises(InputError, match=str(bench.settings["port"])):
            Node(load_config(bench.config_file)).run()


def test_a_bug_in_a_thread_ends_the_node(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(_: DeadLetters) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(DeadLetters, "step", bug)
    assert Node(load_config(bench.config_file)).run() is False


def test_mutual_tls(bench: Bench, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    paths = {name: tmp_path / f"{name}.pem" for name in ("ca", "certificate", "key")}
    authority.cert_pem.write_to_path(paths["ca"])
    certificate.cert_chain_pems[0].write_to_path(paths["certificate"])
    certificate.private_key_pem.write_to_path(paths["key"])
    bench.settings["tls"] = {name: path.name for name, path in paths.items()}

    def echo(own: bool) -> bool:
        context = ssl.create_default_context(cafile=paths["ca"])
        if own:
            context.load_cert_chain(paths["certificate"], paths["key"])
        ae = AE("SENDER")
        ae.add_requested_context("1.2.840.10008.1.1")
        association = ae.associate(
            "127.0.0.1", bench.settings["port"], ae_title="SDSEG", tls_args=(context, "127.0.0.1")
        )
        well = association.is_established and association.send_c_echo().get("Status") == 0
        association.release() if association.is_established else association.abort()
        return bool(well)

    with bench.running():
        assert echo(own=True)
        assert not echo(own=False)
        with bench.association() as association:  # not encrypted at all
            assert not association.is_established
