"""Shows that every rule of check.py can fail, at the right place, and that a tree that keeps them all passes."""

import pathlib
import tempfile
import unittest

import check

GUARD = "#ifndef SDA_{0}_\n#define SDA_{0}_\n{1}\n#endif\n"

# A small tree that keeps every rule, with what comes close to breaking one.
CLEAN = {
    "common/base/error.h": GUARD.format("COMMON_BASE_ERROR_H", "#include <string>"),
    "common/rpc/server.h": GUARD.format("COMMON_RPC_SERVER_H", "#include <grpcpp/grpcpp.h>"),
    "services/advisor/CMakeLists.txt": "sda_test(NAME a SRCS core/advice_test.cc)\n",
    "services/advisor/core/advice.h": GUARD.format("SERVICES_ADVISOR_CORE_ADVICE_H", '#include "common/base/error.h"'),
    "services/advisor/core/advice_test.cc": '#include "services/advisor/core/advice.h"\n// never sleep_for(1)\n',
    "services/advisor/server/main.cc": "int main() {}\n" * 40,
    "services/trainer_worker/core/gemm.cc": '#include "oneapi/dnnl/dnnl.hpp"\ndnnl::engine e;\n',
    "clients/cli/commands/run.cc": '#include "services/advisor/core/advice.h"\n',
}

# rule: (file, text, line of the complaint)
BREAKS = {
    "core_knows_no_transport": [
        ("services/advisor/core/a.cc", "\n#include <grpcpp/grpcpp.h>\n", 2),
        ("services/advisor/core/kernels/a.cc", '#include "sda/advisor/v1/advisor.pb.h"\n', 1),
        ("services/advisor/core/a.cc", "#include <prometheus/counter.h>\n", 1),
        ("common/base/a.cc", 'auto x = std::getenv("HOME");\n', 1),
    ],
    "core_knows_no_server": [
        ("services/advisor/core/a.cc", '#include "services/advisor/server/config.h"\n', 1),
        ("clients/cli/core/a.cc", '#include "common/rpc/server.h"\n', 1),
    ],
    "services_stand_alone": [
        ("services/optimizer/server/a.cc", '#include "services/advisor/core/advice.h"\n', 1),
        ("clients/cli/commands/a.cc", '#include "services/advisor/server/config.h"\n', 1),
    ],
    "common_is_below": [
        ("common/storage/a.cc", '#include "services/advisor/core/advice.h"\n', 1),
        ("common/base/a.cc", '#include "common/storage/store.h"\n', 1),
    ],
    "one_wrapper_owns_onednn": [
        ("services/trainer_worker/core/a.cc", "\n\ndnnl::stream s;\n", 3),
        ("services/trainer_worker/core/a.cc", '#include "oneapi/dnnl/dnnl.hpp"\n', 1),
    ],
    "tests_do_not_sleep": [
        ("tests/integration/a.cc", "std::this_thread::sleep_for(x);\n", 1),
        ("tests/integration/a.cc", "absl::SleepFor(x);\n", 1),
        ("tests/integration/a.cc", "  usleep(5);\n", 1),
        ("tests/integration/kill_test.py", "import time\ntime.sleep(1)\n", 2),
    ],
    "mains_are_short": [("services/advisor/server/main.cc", "int x;\n" * 41, 41)],
    "no_machine_paths": [
        ("docs/a.md", "see /w" + "ork/main\n", 1),
        ("deploy/a.sh", "\ncd /home/" + "someone/sda\n", 2),
        ("deploy/a.sh", "ls /t" + "mp/mine/x\n", 1),
    ],
    "headers_have_their_guard": [
        ("common/base/a.h", "#pragma once\n", 1),
        ("common/base/a.h", GUARD.format("COMMON_BASE_ERROR_H", ""), 1),
        ("common/base/a.h", "int x;\n", 1),
    ],
    "tests_are_listed": [("services/advisor/core/b_test.cc", "int x;\n", 1)],
    "nothing_is_swallowed": [("common/rpc/a.cc", "try { f(); }\ncatch (...) {\n}\n", 2)],
    "builds_are_portable": [("cmake/a.cmake", "add_compile_options(-march=n" + "ative)\n", 1)],
}


def complaints_of(files):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = pathlib.Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return list(check.complaints(folder))


class LayeringTest(unittest.TestCase):
    def test_clean_tree_passes(self):
        self.assertEqual(complaints_of(CLEAN), [])

    def test_each_rule_can_fail(self):
        for rule, breaks in BREAKS.items():
            for path, text, line in breaks:
                with self.subTest(rule=rule, path=path, text=text):
                    found = complaints_of({**CLEAN, path: text})
                    self.assertEqual(len(found), 1, found)
                    self.assertTrue(found[0].startswith(f"{path}:{line}: {rule}: "), found[0])

    def test_every_rule_is_shown_to_fail(self):
        self.assertEqual({rule.__name__ for rule in check.RULES}, set(BREAKS))

    def test_an_exception_needs_a_reason(self):
        sleeps = "usleep(5);  // layering-allow:"
        self.assertEqual(complaints_of({"tests/a.cc": f"{sleeps} stands for a slow peer\n"}), [])
        self.assertEqual(len(complaints_of({"tests/a.cc": f"{sleeps}\n"})), 1)


if __name__ == "__main__":
    unittest.main()
