"""Counts single tests after a ctest run.

usage: count_results.py BUILD_DIR

Reads BUILD_DIR/ctest.xml (what ctest saw of each program) and BUILD_DIR/test-reports/NAME.xml (what GoogleTest saw
of each test in it). Prints a line "FAILED name" for each failure and one "COUNTS passed failed skipped".

A program that ctest calls failed counts at least one failure, whatever its report says: it may have crashed before
writing one, or a sanitizer may have spoken up after the last test.
"""

import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def main(build_dir):
    build = pathlib.Path(build_dir)
    passed = failed = skipped = 0
    programs = ElementTree.parse(build / "ctest.xml").getroot().findall("testcase")
    for program in programs:
        name = program.get("name")
        status = outcome(program)
        report = build / "test-reports" / f"{name}.xml"
        tests = read_report(report)
        if tests is None and status != "skipped" and ran_googletest(program):
            print(f"FAILED {name}: ended without a report")
            failed += 1
            continue
        if tests is None:
            passed += status == "passed"
            skipped += status == "skipped"
            if status == "failed":
                print(f"FAILED {name}")
                failed += 1
            continue
        failures = [test for test, result in tests if result == "failed"]
        passed += sum(result == "passed" for _, result in tests)
        skipped += sum(result == "skipped" for _, result in tests)
        failed += len(failures)
        for test in failures:
            print(f"FAILED {test}")
        if status == "failed" and not failures:
            print(f"FAILED {name}: the tests passed, the program failed (see its output)")
            failed += 1
        elif status == "passed" and not tests:
            print(f"FAILED {name}: no test in it ran")
            failed += 1
    print(f"COUNTS {passed} {failed} {skipped}")


def outcome(program):
    """passed, failed or skipped. A program that could not start is failed, not skipped."""
    status = program.get("status")
    if status == "run":
        return "passed"
    skip = program.find("skipped")
    if status == "disabled" or (skip is not None and skip.get("message", "").startswith("SKIP_")):
        return "skipped"
    return "failed"


def ran_googletest(program):
    return "[ RUN      ]" in (program.findtext("system-out") or "")


def read_report(path):
    """(name, result) of each test, or None where there is no readable report."""
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError):
        return None
    tests = []
    for case in root.iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        if case.find("failure") is not None:
            tests.append((name, "failed"))
        elif case.get("status") == "notrun" or case.get("result") == "skipped":
            tests.append((name, "skipped"))
        else:
            tests.append((name, "passed"))
    return tests


if __name__ == "__main__":
    main(*sys.argv[1:])
