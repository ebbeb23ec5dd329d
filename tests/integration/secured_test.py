"""The suite as containers run it: mutual TLS and a token everywhere, certificates by deploy/docker/make-certs.sh, and
`sda` told about them by environment variables."""

import pathlib
import subprocess

import harness
import services

MAKE_CERTIFICATES = pathlib.Path("deploy/docker/make-certs.sh").resolve()
NAMES = ("optimizer", "preprocessing", "worker", "advisor", "client")
SERVED = {"optimizer": "sda.optimizer.v1.OptimizerService",
          "preprocessing": "sda.preprocessing.v1.PreprocessingService",
          "worker": "sda.trainer.v1.TrainerService",
          "advisor": "sda.advisor.v1.AdvisorService"}


def make_certificates(folder, *names):
    folder.mkdir(exist_ok=True)
    subprocess.run(["bash", str(MAKE_CERTIFICATES), str(folder), *names], check=True, capture_output=True)
    return {"SDA_CA": str(folder / "ca.crt"), "SDA_CERT": str(folder / f"{names[-1]}.crt"),
            "SDA_KEY": str(folder / f"{names[-1]}.key"), "SDA_TOKEN_FILE": str(folder / "token")}


class CertificatesTest(harness.SdaTestCase):
    def contents(self, folder):
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    def test_every_name_gets_a_certificate_of_the_one_authority_that_nobody_else_reads(self):
        folder = self.folder / "certs"
        make_certificates(folder, "advisor", "worker=worker-1,worker-2")
        self.assertEqual(set(self.contents(folder)), {"ca.crt", "advisor.crt", "advisor.key", "worker.crt", "worker.key",
                                                      "token", "complete"})
        for path in folder.iterdir():
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)
        for name, hosts in (("advisor", ["advisor"]), ("worker", ["worker-1", "worker-2"])):
            for host in [*hosts, "localhost"]:
                subprocess.run(["openssl", "verify", "-CAfile", folder / "ca.crt", "-verify_hostname", host,
                                folder / f"{name}.crt"], check=True, capture_output=True)

    def test_a_set_is_kept_until_the_names_change(self):
        folder = self.folder / "certs"
        make_certificates(folder, "advisor", "client")
        first = self.contents(folder)
        make_certificates(folder, "advisor", "client")
        self.assertEqual(self.contents(folder), first)
        make_certificates(folder, "advisor", "optimizer")
        second = self.contents(folder)
        self.assertNotIn("client.crt", second)
        self.assertNotEqual(second["ca.crt"], first["ca.crt"])
        self.assertNotEqual(second["token"], first["token"])

    def test_a_set_that_was_left_half_made_is_replaced(self):
        folder = self.folder / "certs"
        make_certificates(folder, "advisor")
        (folder / "complete").unlink()
        before = self.contents(folder)
        make_certificates(folder, "advisor")
        self.assertNotEqual(self.contents(folder)["ca.crt"], before["ca.crt"])


class SecuredSuiteTest(harness.SdaTestCase):
    def setUp(self):
        super().setUp()
        certificates = self.folder / "certs"
        self.client = make_certificates(certificates, *NAMES)
        self.suite = services.Services(self.folder / "suite", certificates=certificates)
        self.addCleanup(self.suite.stop_all)
        self.suite.start_all()

    def test_the_main_job_and_the_health_checks_by_environment(self):
        for name, service in SERVED.items():
            asked = self.sda("health", "--address", self.suite.address[name], "--service", service, env=self.client)
            self.assertEqual(asked.process.returncode, 0, asked.err + asked.out)
        report = self.sda_json("run", "--data", self.clicks(3000), "--label", "0", "--budget", "2", "--parallel", "2",
                               env={**self.client, "SDA_ADVISOR": self.suite.address["advisor"]})
        self.assertEqual(report["state"], "SUCCEEDED")
        self.assertEqual([trial["state"] for trial in report["trials"]], ["SUCCEEDED"] * 2)

    def test_who_lacks_a_part_of_the_proof_is_refused(self):
        address = self.suite.address["advisor"]
        for missing, reason in ((("SDA_TOKEN_FILE",), "token"), (("SDA_CERT", "SDA_KEY"), "advisor"),
                                (tuple(self.client), "advisor")):
            env = {name: "" if name in missing else value for name, value in self.client.items()}
            listed = self.sda("runs", "list", "--advisor", address, env=env)
            self.assertEqual(listed.process.returncode, 1, (missing, listed.out, listed.err))
            self.assertIn(reason, listed.err, missing)


if __name__ == "__main__":
    harness.main()
