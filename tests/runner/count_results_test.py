"""What the counting of tests/run.sh makes of programs that pass, fail, skip, crash or never start."""

import contextlib
import io
import pathlib
import tempfile
import unittest

import count_results

PASSED = '<testcase name="{}" status="run"/>'
FAILED = '<testcase name="{}" status="fail"><failure message=""/><system-out>[ RUN      ] A.B\n</system-out></testcase>'
SKIPPED = '<testcase name="{}" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>'
MISSING = '<testcase name="{}" status="notrun"><skipped message="Unable to find executable"/></testcase>'

GOOD = '<testcase name="good" status="run" result="completed" classname="A"/>'
BAD = '<testcase name="bad" status="run" result="completed" classname="A"><failure message="x"/></testcase>'
SKIP = '<testcase name="skip" status="run" result="skipped" classname="A"><skipped message="no data"/></testcase>'
OFF = '<testcase name="DISABLED_off" status="notrun" result="suppressed" classname="A"/>'


def count(programs, reports):
    """Last line and the failures printed for ctest's view of the programs and GoogleTest's reports."""
    with tempfile.TemporaryDirectory() as folder:
        build = pathlib.Path(folder)
        (build / "ctest.xml").write_text(f"<testsuite>{''.join(programs)}</testsuite>")
        (build / "test-reports").mkdir()
        for name, cases in reports.items():
            (build / "test-reports" / f"{name}.xml").write_text(
                f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            count_results.main(folder)
        *failures, counts = output.getvalue().splitlines()
        return counts, failures


class CountResultsTest(unittest.TestCase):
    def test_single_tests_are_counted(self):
        counts, failures = count([FAILED.format("p")], {"p": GOOD + GOOD + BAD + SKIP + OFF})
        self.assertEqual(counts, "COUNTS 2 1 2")
        self.assertEqual(failures, ["FAILED A.bad"])

    def test_a_crash_without_report_is_a_failure(self):
        self.assertEqual(count([FAILED.format("p")], {}),
                         ("COUNTS 0 1 0", ["FAILED p: ended without a report"]))

    def test_an_early_exit_is_a_failure(self):
        early = '<testcase name="p" status="run"><system-out>[ RUN      ] A.B\n</system-out></testcase>'
        self.assertEqual(count([early], {}), ("COUNTS 0 1 0", ["FAILED p: ended without a report"]))

    def test_a_cut_report_is_a_failure(self):
        self.assertEqual(count([FAILED.format("p")], {"p": "<testcase"})[0], "COUNTS 0 1 0")

    def test_a_failure_after_the_last_test_is_a_failure(self):
        counts, failures = count([FAILED.format("p")], {"p": GOOD})
        self.assertEqual(counts, "COUNTS 1 1 0")
        self.assertIn("the program failed", failures[0])

    def test_a_program_that_never_started_is_a_failure(self):
        self.assertEqual(count([MISSING.format("p")], {}), ("COUNTS 0 1 0", ["FAILED p"]))

    def test_a_report_without_tests_is_a_failure(self):
        self.assertEqual(count([PASSED.format("p")], {"p": ""})[0], "COUNTS 0 1 0")

    def test_scripts_count_as_one(self):
        self.assertEqual(count([PASSED.format("a"), SKIPPED.format("b")], {}), ("COUNTS 1 0 1", []))


if __name__ == "__main__":
    unittest.main()
