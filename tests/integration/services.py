"""The four services started one by one, each killed and started again by the test."""

import contextlib
import os
import signal
import subprocess

import harness


class Services:
    """Each service on a port of its own, over one folder; `kill` and `start` are by name."""

    NAMES = ("optimizer", "preprocessing", "worker", "advisor")

    def __init__(self, folder, slots=2, certificates=None, artefacts=None):
        """With `certificates`, a folder that deploy/docker/make-certs.sh filled, all speak mutual TLS with tokens."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.processes = {}
        ports = dict(zip(self.NAMES, harness.free_ports(len(self.NAMES))))
        self.address = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
        artefacts = artefacts or str(folder / "artefacts")
        self.arguments = {
            "optimizer": ["sda-optimizer", "--database", str(folder / "optimizer.db")],
            "preprocessing": ["sda-preprocessing", "--artefacts", artefacts],
            "worker": ["sda-trainer-worker", "--optimizer", self.address["optimizer"], "--artefacts", artefacts,
                       "--slots", str(slots), "--threads-per-slot", "1"],
            "advisor": ["sda-advisor", "--database", str(folder / "advisor.db"), "--artefacts", artefacts,
                        "--optimizer", self.address["optimizer"], "--preprocessing", self.address["preprocessing"],
                        "--trainer", self.address["worker"]],
        }
        if certificates:
            for name, arguments in self.arguments.items():
                arguments += ["--tls-cert", f"{certificates}/{name}.crt", "--tls-key", f"{certificates}/{name}.key",
                              "--tls-client-ca", f"{certificates}/ca.crt", "--token-file", f"{certificates}/token"]
                if name in ("worker", "advisor"):
                    arguments += ["--client-ca", f"{certificates}/ca.crt", "--client-cert", f"{certificates}/{name}.crt",
                                  "--client-key", f"{certificates}/{name}.key",
                                  "--client-token-file", f"{certificates}/token"]

    def start(self, name):
        announced = self.folder / f"{name}.announced"
        announced.unlink(missing_ok=True)
        binary, *rest = self.arguments[name]
        with open(self.folder / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(
                [str(harness.BIN / binary), "--listen", self.address[name], "--announce", str(announced), *rest],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        def ready():
            if self.processes[name].poll() is not None:
                tail = (self.folder / f"{name}.log").read_text()[-2000:]
                raise AssertionError(f"{name} ended with {self.processes[name].returncode}:\n{tail}")
            return announced.exists()

        return ready

    def start_all(self):
        waits = [(name, self.start(name)) for name in self.NAMES]
        for name, ready in waits:
            harness.eventually(ready, f"{name} is ready")

    def kill(self, name):
        self.processes[name].kill()
        self.processes[name].wait()

    def stop_all(self):
        for name in reversed(self.NAMES):
            process = self.processes.get(name)
            if process is None or process.poll() is not None:
                continue
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
                continue
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
