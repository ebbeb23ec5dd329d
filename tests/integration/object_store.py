"""An object store of its own for a test: SeaweedFS, which speaks S3, on loopback ports over a folder of the test."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import unittest
import urllib.error
import urllib.request

import harness
import wheels

BUCKET = "sda-test"
ACCESS_KEY = "sda-test-key"
SECRET_KEY = "sda-test-secret"


class ObjectStore:
    """`environment` holds the credentials as the AWS tools take them, `uri(path)` names what programs are given."""

    def __init__(self, folder):
        self.folder = folder / "object-store"
        self.folder.mkdir()
        self.program = wheels.DEPS / f"weed-{wheels.pinned('WEED')}" / "weed"
        if not self.program.exists():
            raise unittest.SkipTest(f"{self.program} is not there: run deploy/install-deps.sh --test")
        self.environment = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
                            "AWS_EC2_METADATA_DISABLED": "true"}
        self.ports = harness.free_ports(8)
        self.endpoint = f"127.0.0.1:{self.ports[0]}"
        self.process = None

    def start(self):
        """Ready, with its bucket, when this returns."""
        identity = {"name": "sda", "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
                    "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
        (self.folder / "identities.json").write_text(json.dumps({"identities": [identity]}))
        (self.folder / "data").mkdir(exist_ok=True)
        s3, s3_grpc, master, master_grpc, volume, volume_grpc, filer, filer_grpc = self.ports
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [str(self.program), "server", f"-dir={self.folder}/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
                 f"-master.port={master}", f"-master.port.grpc={master_grpc}", "-master.telemetry=false",
                 "-master.volumeSizeLimitMB=64", f"-volume.port={volume}", f"-volume.port.grpc={volume_grpc}",
                 "-volume.max=100", f"-filer.port={filer}", f"-filer.port.grpc={filer_grpc}", "-s3", f"-s3.port={s3}",
                 f"-s3.port.grpc={s3_grpc}", "-s3.port.iceberg=0", f"-s3.config={self.folder}/identities.json"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)
        harness.eventually(self._answers, "the object store answers")
        harness.eventually(self._has_bucket, "the object store makes a bucket")

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the object store ended:\n{(self.folder / 'log').read_text()[-2000:]}")
        try:
            urllib.request.urlopen(f"http://{self.endpoint}/", timeout=5).close()
        except urllib.error.HTTPError:
            pass  # it answers: nobody may list its buckets without a signature
        except OSError:
            return False
        return True

    def _has_bucket(self):
        with contextlib.suppress(OSError):
            self.filesystem().create_dir(BUCKET)
            return True
        return False

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def uri(self, path):
        return f"s3://{BUCKET}/{path}?endpoint_override={self.endpoint}&scheme=http"

    def filesystem(self):
        """A client of the test's own, independent of the programs under test: pyarrow of the wheel."""
        arrow = wheels.DEPS / f"arrow-{wheels.pinned('ARROW')}"
        if str(arrow) not in sys.path:
            sys.path.insert(0, str(arrow))
        os.environ.update(self.environment)
        from pyarrow import fs  # pylint: disable=import-outside-toplevel
        return fs.S3FileSystem(access_key=ACCESS_KEY, secret_key=SECRET_KEY, endpoint_override=self.endpoint,
                               scheme="http", region="us-east-1", allow_bucket_creation=True)

    def put(self, local, path):
        with self.filesystem().open_output_stream(f"{BUCKET}/{path}") as output:
            output.write(pathlib.Path(local).read_bytes())

    def read(self, path):
        with self.filesystem().open_input_file(f"{BUCKET}/{path}") as source:
            return source.read()

    def files(self, path):
        """Paths of the objects below `path`, relative to it."""
        from pyarrow import fs  # pylint: disable=import-outside-toplevel
        root = f"{BUCKET}/{path}"
        found = self.filesystem().get_file_info(fs.FileSelector(root, recursive=True, allow_not_found=True))
        return sorted(info.path[len(root) + 1:] for info in found if info.type == fs.FileType.File)
