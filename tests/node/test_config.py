"""The YAML file: what is refused, and in which words."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sdseg.errors import InputError
from sdseg.node.config import NodeConfig
from sdseg.node.config_file import load_config

MINIMAL: dict[str, Any] = {
    "home": "home",
    "callers": [{"ae_title": "ORTHANC"}],
    "targets": {"archive": {"address": "dicom://ORTHANC@127.0.0.1:4242"}},
    "rules": [{"modality": "MR", "weights": "weights", "targets": ["archive"]}],
}


def load(folder: Path, **changes: Any) -> NodeConfig:
    path = folder / "node.yaml"
    path.write_text(yaml.safe_dump({**MINIMAL, **changes}))
    return load_config(path)


def test_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    tls = {"ca": "ca.pem", "certificate": "/etc/node.pem", "key": "node.key"}
    config = load(tmp_path, tls=tls, targets={"archive": {"address": "x", "tls": tls}})
    assert config.home == tmp_path / "home"
    assert config.rules[0].weights == tmp_path / "weights"
    assert config.tls and config.tls.ca == tmp_path / "ca.pem"
    assert config.tls.certificate == Path("/etc/node.pem")
    assert config.targets["archive"].tls == config.tls


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"quite_seconds": 3}, "quite_seconds is not known here"),
        ({"targets": {"archive": {"adress": "x"}}}, "targets.archive.address is missing"),
        ({"targets": {"archive": {"address": "x", "user": "u"}}}, "targets.archive.user is not known"),
        ({"targets": {"a/b": {"address": "x"}}}, '"a/b" is no name of a target'),
        ({"callers": []}, "callers is empty: name who may call, or say allow_any_caller: true"),
        ({"forced_seconds": 1}, "forced_seconds is shorter than quiet_seconds"),
        ({"port": 0}, "port: "),
        ({"port": "dicom"}, "port: "),
        ({"ae_title": "LONGER THAN SIXTEEN"}, "ae_title: "),
        ({"ae_title": "BACK\\SLASH"}, "ae_title: "),
        ({"retry": {"first_seconds": -1}}, "retry.first_seconds: "),
        ({"rules": []}, "rules: "),
        ({"rules": [{"modalty": "MR", "weights": "w", "targets": ["archive"]}]}, "rules.0.modalty is not known"),
        ({"rules": [{"weights": "w", "targets": ["pacs"]}]}, 'rules: number 1 names the target "pacs"'),
        ({"home": None}, "home: "),
    ],
)
def test_each_refusal_is_one_line_that_names_the_key(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        load(tmp_path, **changes)
    message = str(refused.value)
    assert said in message
    assert "\n" not in message


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "node.yaml"
    path.write_text(yaml.safe_dump(MINIMAL) + "home: elsewhere\n")
    with pytest.raises(InputError, match='"home" is given twice'):
        load_config(path)


@pytest.mark.parametrize("content", ["", "- a", "a: [", "a: &x [*x]\n", "\x00"])
def test_what_is_no_mapping_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "node.yaml"
    path.write_text(content)
    with pytest.raises(InputError):
        load_config(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"node\.yaml cannot be read"):
        load_config(tmp_path / "node.yaml")


def test_the_example_of_the_documentation_is_valid(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "node.md").read_text()
    path = tmp_path / "node.yaml"
    path.write_text(text.split("```yaml\n")[1].split("```")[0])
    assert load_config(path).targets.keys() == {"archive", "web"}
