"""What 3D Slicer's MONAI Label extension asks a server, call by call, as a client of Python 3.13 can: without `cgi`.

After MONAI Label's plugins/slicer/MONAILabel: `Client` sends what MONAILabelLib/client.py (`MONAILabelClient`) sends,
byte for byte where it matters (boundary, field and file names, trailing slashes); `Extension` calls it as MONAILabel.py
(`MONAILabelWidget`, `MONAILabelLogic`) does. Only the standard library is used, so that the file also runs by itself:

    python3.13 extension_client.py http://127.0.0.1:8000 FOLDER
"""

import email.parser
import email.policy
import http.client
import json
import mimetypes
import sys
from pathlib import Path
from urllib.parse import quote_plus, urlencode, urlsplit

BOUNDARY = "----------lImIt_of_THE_fIle_eW_$"


class ServerError(Exception):
    """The server did not answer 200."""

    def __init__(self, status, body):
        super().__init__(f"Status: {status}; Response: {body.decode(errors='replace')}")
        self.status_code = status


class Client:
    """MONAILabelClient: the same methods and arguments, another reader of multipart replies."""

    def __init__(self, server_url, tmpdir, client_id=None):
        self._url = server_url.rstrip("/")
        self._tmpdir = tmpdir
        self._client_id = client_id
        self._headers = {}

    def update_auth(self, token):
        self._headers["Authorization"] = f"{token['token_type']} {token['access_token']}"

    def auth_enabled(self):
        try:
            return bool(json.loads(self._send("GET", "/auth/")[1]).get("enabled", False))
        except ServerError:
            return False

    def auth_token(self, username, password):
        form = urlencode({"username": username, "password": password, "grant_type": "password"})
        return json.loads(self._send("POST", "/auth/token", form.encode(), "application/x-www-form-urlencoded")[1])

    def info(self):
        return json.loads(self._send("GET", "/info/")[1])

    def next_sample(self, strategy, params):
        return self._json("POST", f"/activelearning/{quote_plus(strategy)}", self._with_id(params))

    def create_session(self, image_in, params=None):
        """As `requests` sends it: the file as `files`, what else there is as fields of the form."""
        body = encode(self._with_id(params), {"files": image_in})
        return json.loads(self._send("PUT", "/session/", body, multipart())[1])

    def get_session(self, session_id):
        return json.loads(self._send("GET", f"/session/{quote_plus(session_id)}")[1])

    def remove_session(self, session_id):
        return json.loads(self._send("DELETE", f"/session/{quote_plus(session_id)}")[1])

    def upload_image(self, image_in, image_id=None, params=None):
        body = encode({"params": json.dumps(self._with_id(params))}, {"file": image_in})
        return json.loads(self._send("PUT", f"/datastore/?image={quote_plus(image_id)}", body, multipart())[1])

    def save_label(self, image_id, label_in, tag="", params=None):
        selector = f"/datastore/label?image={quote_plus(image_id)}" + (f"&tag={quote_plus(tag)}" if tag else "")
        body = encode({"params": json.dumps(self._with_id(params))}, {"label": label_in})
        return json.loads(self._send("PUT", selector, body, multipart())[1])

    def datastore(self):
        return json.loads(self._send("GET", "/datastore/?output=all")[1])

    def download_label(self, label_id, tag):
        selector = f"/datastore/label?label={quote_plus(label_id)}&tag={quote_plus(tag)}"
        headers, content = self._send("GET", selector)
        name = email.parser.Parser(policy=email.policy.HTTP).parsestr(
            f"Content-Disposition: {headers['content-disposition']}"
        )
        path = Path(self._tmpdir) / f"label-{name.get_filename()}"
        path.write_bytes(content)
        return str(path)

    def infer(self, model, image_id, params, label_in=None, file=None, session_id=None):
        selector = f"/infer/{quote_plus(model)}?image={quote_plus(image_id)}"
        selector += f"&session_id={quote_plus(session_id)}" if session_id else ""
        files = {"label": label_in} if label_in else {}
        files.update({"file": file} if file and not session_id else {})
        body = encode({"params": json.dumps(self._with_id(params))}, files)
        headers, content = self._send("POST", selector, body, multipart())
        form, files = decode(headers["content-type"], content)
        told = json.loads(form["params"])
        for name, data in files.items():
            path = Path(self._tmpdir) / name
            path.write_bytes(data)
            return str(path), told
        return None, told

    def train_start(self, model, params):
        return self._json("POST", f"/train/{quote_plus(model) if model else ''}", self._with_id(params))

    def train_stop(self):
        return json.loads(self._send("DELETE", "/train/")[1])

    def train_status(self, check_if_running=False):
        try:
            content = self._send("GET", "/train/" + ("?check_if_running=true" if check_if_running else ""))[1]
        except ServerError:
            if check_if_running:
                return False
            raise
        return True if check_if_running else json.loads(content)

    def _with_id(self, params):
        return {**(params or {}), "client_id": self._client_id}

    def _json(self, method, selector, body):
        return json.loads(self._send(method, selector, json.dumps(body).encode(), "application/json")[1])

    def _send(self, method, selector, body=None, content_type=None):
        parts = urlsplit(self._url)
        headers = dict(self._headers)
        if body is not None:
            headers.update({"content-type": content_type, "content-length": str(len(body))})
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)
        try:
            connection.request(method, parts.path.rstrip("/") + selector, body=body, headers=headers)
            reply = connection.getresponse()
            content = reply.read()
        finally:
            connection.close()
        if reply.status != 200:
            raise ServerError(reply.status, content)
        return reply.headers, content


def multipart():
    return f"multipart/form-data; boundary={BOUNDARY}"


def encode(fields, files):
    """The body that `encode_multipart_formdata` makes: the whole path of a file as its file name."""
    lines = []
    for key, value in fields.items():
        lines += [f"--{BOUNDARY}", f'Content-Disposition: form-data; name="{key}"', "", str(value)]
    for key, path in files.items():
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        lines += [f"--{BOUNDARY}", f'Content-Disposition: form-data; name="{key}"; filename="{path}"']
        lines += [f"Content-Type: {kind}", "", Path(path).read_bytes()]
    lines += [f"--{BOUNDARY}--", ""]
    return b"".join((line if isinstance(line, bytes) else line.encode()) + b"\r\n" for line in lines)


def decode(content_type, content):
    """(fields, files by file name) of a multipart reply, by the standard library's reader of e-mail."""
    head = f"Content-Type: {content_type}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + content)
    form, files = {}, {}
    for part in message.iter_parts():
        name = part.get_filename()
        if name:
            files[name] = part.get_payload(decode=True)
        else:
            form[part.get_param("name", header="content-disposition")] = part.get_payload(decode=True).decode()
    return form, files


class Extension:
    """The buttons of the extension's panel. `client` makes a client anew for each press, as MONAILabelLogic does."""

    def __init__(self, client):
        self.client = client
        self.info = {}

    def fetch_info(self):
        """fetchInfo, then updateConfigTable and invalidateConfigTable: what the user sees goes through text."""
        self.info = self.client().info()
        if self.info.get("config"):
            raise RuntimeError("Please upgrade the monai server to latest version")
        for section in ("models", "trainers", "strategies"):
            for entry in self.info[section].values():
                entry["config"] = {key: shown(value) for key, value in entry.get("config", {}).items()}
        return self.info

    def params(self, section, name):
        """getParamsFromConfig: of a list the first, which invalidateConfigTable made the chosen one."""
        config = self.info[section].get(name, {}).get("config", {})
        return {key: value[0] if isinstance(value, list) else value for key, value in config.items()}

    def next_sample(self, strategy):
        """onNextSampleButton"""
        return self.client().next_sample(strategy, self.params("strategies", strategy))

    def download_uri(self, server_url, sample):
        return f"{server_url}/datastore/image?image={quote_plus(sample['id'])}"

    def segment(self, model, image, session_id=None):
        """onClickSegmentation and MONAILabelLogic.infer: (result file, what was told, names for the import)"""
        params = {**self.params("models", model), "result_extension": ".nrrd", "result_dtype": "uint8"}
        file, told = self.client().infer(model, image, params, session_id=session_id)
        labels = told.get("label_names") or self.info["models"][model]["labels"]
        if isinstance(labels, dict):
            labels = [name for name, _ in sorted(labels.items(), key=lambda item: item[1])]
        return file, told, labels

    def original_label(self, image):
        """onNextSampleButton, where a label `original` is shown: (file, names for the import)"""
        labels = self.client().datastore()["objects"][image]["labels"]["original"]["info"]["params"]["label_names"]
        return self.client().download_label(image, "original"), list(labels.keys())

    def save_label(self, image, file, label_info):
        """onSaveLabel; `label_info` as the panel makes it: idx is the place among all segments, from 1."""
        return self.client().save_label(image, file, params={"label_info": label_info})

    def train(self, model=None):
        """onTraining; the panel offers ALL first, which is no model."""
        return self.client().train_start(model, self.params("trainers", model) if model else {})


def shown(value):
    """What a row of the table makes of a value of `config`: a combo box, a check box or a text."""
    if isinstance(value, dict | list):
        return [check_text(item) for item in value]
    if isinstance(value, bool):
        return value
    text = str(value) if value else ""
    if isinstance(value, int):
        return int(text) if text else 0
    if isinstance(value, float):
        return float(text) if text else 0.0
    return text


def check_text(item):
    if not isinstance(item, str):
        raise TypeError(f"qt.QComboBox.addItem takes no {type(item).__name__}")
    return item


def main(url, folder):
    """A short visit: what is there, one segmentation, one session. Prints what it found as JSON."""
    extension = Extension(lambda: Client(url, folder, "user-xyz"))
    info = extension.fetch_info()
    sample = extension.next_sample("random")
    model = next(iter(info["models"]))
    file, told, labels = extension.segment(model, sample["id"])
    client = extension.client()
    session = client.create_session(sample["path"])["session_id"]
    again, _, _ = extension.segment(model, "any name", session)
    client.remove_session(session)
    found = {"file": file, "again": again, "labels": labels, "told": told, "running": client.train_status(True)}
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
