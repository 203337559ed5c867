"""A server that speaks the few endpoints of the Hugging Face Hub that an upload uses, as a process on loopback.

Repositories, their files and the log of requests lie in a folder, where tests look; `Faults` says what goes wrong.
"""

import argparse
import base64
import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

OWNER_TOKEN, READER_TOKEN = "hf_owner", "hf_reader"


@dataclass(frozen=True)
class HubServer:
    """A running server."""

    url: str
    folder: Path

    def files(self, repository: str) -> dict[str, bytes]:
        """What the repository's newest state holds."""
        listed = json.loads((self.folder / "repositories.json").read_text())[repository]["files"]
        return {path: (self.folder / "objects" / digest).read_bytes() for path, digest in listed.items()}

    def is_private(self, repository: str) -> bool:
        """Whether only its owner sees it."""
        return bool(json.loads((self.folder / "repositories.json").read_text())[repository]["private"])

    def requests(self, method: str) -> list[str]:
        """Paths asked for by one method, in order."""
        log = self.folder / "requests.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line.split(" ", 1)[1] for line in lines if line.startswith(f"{method} ")]


@contextmanager
def hub_server(folder: Path, *, break_upload: int = 0, stall_upload: int = 0) -> Iterator[HubServer]:
    """A server on a free port: the upload of that number (1-based) is cut off in the middle, or never answered."""
    command = [sys.executable, __file__, str(folder), "--break", str(break_upload), "--stall", str(stall_upload)]
    folder.mkdir(exist_ok=True)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        try:
            yield HubServer(f"http://127.0.0.1:{port}", folder)
        finally:
            process.kill()


class Hub(ThreadingHTTPServer):
    """State of all repositories; written to disk with every change."""

    daemon_threads = True

    def __init__(self, folder: Path, *, break_upload: int, stall_upload: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.break_upload, self.stall_upload, self.uploads = break_upload, stall_upload, 0
        self.lock = threading.RLock()
        (folder / "objects").mkdir(exist_ok=True)
        state = folder / "repositories.json"
        self.repositories: dict[str, dict[str, Any]] = json.loads(state.read_text()) if state.exists() else {}

    def save(self) -> None:
        (self.folder / "repositories.json").write_text(json.dumps(self.repositories))

    def store(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        (self.folder / "objects" / digest).write_bytes(content)
        return digest

    def log(self, line: str) -> None:
        with self.lock, (self.folder / "requests.log").open("a") as file:
            file.write(line + "\n")


class Handler(BaseHTTPRequestHandler):
    """The endpoints."""

    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: object) -> None:
        """Say nothing: stdout is for the port."""

    def do_GET(self) -> None:
        repository = "/".join(self.path.split("/")[3:5]).split("?")[0]
        if (found := self._repository(repository)) is None:
            return
        if "/tree/" in self.path:
            rows = [{"type": "file", "path": path, "oid": "0", "size": 1} for path in found["files"]]
            self._answer(200, rows)
        else:
            siblings = [{"rfilename": path} for path in found["files"]]
            self._answer(200, {"id": repository, "private": found["private"], "siblings": siblings, "sha": "0" * 40})

    def do_POST(self) -> None:
        body = self._body()
        if self.path == "/api/repos/create":
            self._create(json.loads(body))
        elif self.path == "/api/validate-yaml":
            header = yaml.safe_load(json.loads(body)["content"].split("---")[1])
            self._answer(200, {"errors": [], "warnings": []} if header["license"] else {"errors": [{"message": "no"}]})
        elif "/preupload/" in self.path:
            self._preupload(json.loads(body)["files"])
        elif self.path.endswith("/info/lfs/objects/batch"):
            self._batch(json.loads(body)["objects"])
        elif "/commit/" in self.path:
            self._commit([json.loads(line) for line in body.splitlines()])
        else:
            self._answer(404, {"error": "no such endpoint"})

    def do_PUT(self) -> None:
        if self.path.endswith("/settings"):
            self._settings(json.loads(self._body()))
            return
        with self.server.lock:
            self.server.uploads += 1
            number = self.server.uploads
        if number == self.server.break_upload:
            self.rfile.read(10)
            self.connection.close()
            return
        if number == self.server.stall_upload:
            self.server.log(f"STALLED {self.path}")
            threading.Event().wait()
        self.server.store(self._body())
        self.server.log(f"PUT {self.path}")
        self._answer(200, {})

    def _create(self, wanted: dict[str, Any]) -> None:
        if not self._may_write():
            return
        name = f"{wanted['organization']}/{wanted['name']}"
        if wanted["organization"] == "others":
            self._answer(403, {"error": "you may not write there"})
        elif name in self.server.repositories:
            self._answer(409, {"error": "exists", "url": f"http://{self.headers['Host']}/datasets/{name}"})
        else:
            private = wanted.get("visibility") == "private"
            self.server.repositories[name] = {"private": private, "files": {}, "commits": 0}
            self.server.save()
            self.server.log(f"POST create {name}")
            self._answer(200, {"url": f"http://{self.headers['Host']}/datasets/{name}"})

    def _preupload(self, files: list[dict[str, Any]]) -> None:
        rows = [
            {
                "path": one["path"],
                "uploadMode": "lfs" if one["path"].endswith(".parquet") else "regular",
                "shouldIgnore": False,
                "oid": None,
            }
            for one in files
        ]
        self._answer(200, {"files": rows})

    def _batch(self, objects: list[dict[str, Any]]) -> None:
        rows = []
        for one in objects:
            row = {"oid": one["oid"], "size": one["size"]}
            if not (self.server.folder / "objects" / one["oid"]).exists():
                row["actions"] = {"upload": {"href": f"http://{self.headers['Host']}/objects/{one['oid']}"}}
            rows.append(row)
        self._answer(200, {"transfer": "basic", "objects": rows})

    def _commit(self, lines: list[dict[str, Any]]) -> None:
        repository = "/".join(self.path.split("/")[3:5])
        if not self._may_write() or (found := self._repository(repository)) is None:
            return
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                found["files"][value["path"]] = self.server.store(base64.b64decode(value["content"]))
            elif line["key"] == "lfsFile":
                found["files"][value["path"]] = value["oid"]
            elif line["key"] == "deletedFile":
                found["files"].pop(value["path"], None)
        found["commits"] += 1
        self.server.save()
        self.server.log(f"POST commit {repository}")
        oid = f"{found['commits']:040x}"
        self._answer(
            200, {"commitUrl": f"http://{self.headers['Host']}/datasets/{repository}/commit/{oid}", "commitOid": oid}
        )

    def _settings(self, wanted: dict[str, Any]) -> None:
        if (found := self._repository("/".join(self.path.split("/")[3:5]))) is not None:
            found["private"] = wanted["visibility"] == "private"
            self.server.save()
            self.server.log("PUT settings")
            self._answer(200, {})

    def _may_write(self) -> bool:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token == OWNER_TOKEN:
            return True
        status = 403 if token == READER_TOKEN else 401
        self._answer(status, {"error": "token refused"})
        return False

    def _repository(self, name: str) -> dict[str, Any] | None:
        known = {OWNER_TOKEN, READER_TOKEN}
        found = self.server.repositories.get(name)
        is_known = self.headers.get("Authorization", "").removeprefix("Bearer ") in known
        if found is None or (found["private"] and not is_known):
            self._answer(401 if not is_known else 404, {"error": "not found"}, code="RepoNotFound")
            return None
        return found

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(self, status: int, content: object, code: str | None = None) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--break", type=int, dest="break_upload")
    parser.add_argument("--stall", type=int, dest="stall_upload")
    options = parser.parse_args()
    with Hub(options.folder, break_upload=options.break_upload, stall_upload=options.stall_upload) as hub:
        print(hub.server_address[1], flush=True)
        hub.serve_forever()
