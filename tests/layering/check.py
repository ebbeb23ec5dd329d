"""The rules of the source tree that a compiler does not check.

usage: check.py [ROOT]      prints PATH:LINE: RULE: what is wrong, and fails if there is anything to print

Dependencies point down: main -> server -> core -> common/{base,numerics}; server -> protos and the rest of common.
Each rule is one function from a file to complaints; tests/layering/check_test.py shows that each of them can fail.
A line that has to break a rule says so with a reason: `// layering-allow: because …`.
"""

import pathlib
import re
import subprocess
import sys

ALLOW = re.compile(r"layering-allow: \S+ \S+")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
TRANSPORT = re.compile(r"^(grpc|grpcpp)/|\.pb\.h$|^prometheus/")
MAIN_LINES = 40

RULES = []


def rule(function):
    RULES.append(function)
    return function


class SourceFile:
    """A file of the tree: its path below the root, its lines, and what C++ it includes."""

    def __init__(self, root, path):
        self.path = path
        self.parts = path.parts
        self.lines = (root / path).read_text(encoding="utf-8", errors="replace").splitlines()
        self.is_cpp = path.suffix in (".h", ".cc")
        self.is_test = path.name.endswith("_test.cc") or (self.parts[0] == "tests" and self.is_cpp)
        self.includes = []
        if self.is_cpp:
            for number, line in enumerate(self.lines, 1):
                match = INCLUDE.match(line)
                if match:
                    self.includes.append((number, match.group(1)))

    def below(self, *parts):
        return self.parts[: len(parts)] == parts

    def in_core(self):
        return (self.parts[0] == "services" and "core" in self.parts[2:-1]) or self.below("clients", "cli", "core")

    def matches(self, pattern):
        """(line number, text) of the code lines that match, comments left out in C++."""
        for number, line in enumerate(self.lines, 1):
            code = line.split("//")[0] if self.is_cpp else line
            match = re.search(pattern, code)
            if match:
                yield number, match.group(0).strip()


@rule
def core_knows_no_transport(file, tree):
    """core: structs, spans and StatusOr; no gRPC, no messages, no metrics library, no environment."""
    if not file.in_core() and not file.below("common", "base") and not file.below("common", "numerics"):
        return
    for line, include in file.includes:
        if TRANSPORT.search(include):
            yield line, f"core includes {include}"
    if not file.is_test and file.path.stem != "testing":
        for line, text in file.matches(r"\bgetenv\s*\("):
            yield line, "core reads the environment"


@rule
def core_knows_no_server(file, tree):
    """core is below server, rpc and telemetry."""
    if not file.in_core():
        return
    for line, include in file.includes:
        if "/server/" in include or include.startswith(("common/rpc/", "common/telemetry/")):
            yield line, f"core includes {include}"


@rule
def services_stand_alone(file, tree):
    """Services speak to one another through generated stubs only; clients use their cores at most."""
    for line, include in file.includes:
        parts = include.split("/")
        if parts[0] != "services":
            continue
        if file.parts[0] == "services" and parts[1] != file.parts[1]:
            yield line, f"{file.parts[1]} includes {include}"
        elif file.parts[0] == "clients" and not file.is_test and "core" not in parts[2:]:
            yield line, f"a client includes {include}"


@rule
def common_is_below(file, tree):
    """common includes neither services nor clients; base and numerics include only themselves."""
    if file.parts[0] != "common":
        return
    for line, include in file.includes:
        first = include.split("/")[0]
        if first in ("services", "clients"):
            yield line, f"common includes {include}"
        if file.parts[1] in ("base", "numerics") and first == "common":
            if include.split("/")[1] not in ("base", "numerics", "testing"):
                yield line, f"common/{file.parts[1]} includes {include}"


@rule
def one_wrapper_owns_onednn(file, tree):
    """Engine, stream, primitive cache and reorders have one owner; nothing else names dnnl::."""
    if not file.is_cpp or file.path.name in ("gemm.cc", "gemm_test.cc"):
        return
    for line, include in file.includes:
        if "dnnl" in include:
            yield line, f"includes {include}; only the gemm wrapper may"
    for line, text in file.matches(r"\bdnnl::"):
        yield line, "names dnnl::; only the gemm wrapper may"


@rule
def tests_do_not_sleep(file, tree):
    """Tests wait on a condition with a deadline."""
    if file.is_test:
        pattern = r"\bsleep_(for|until)\s*\(|\bSleepFor\s*\(|\b(u|nano)?sleep\s*\("
    elif file.path.suffix == ".py" and file.path.name.endswith("_test.py"):
        pattern = r"\btime\.sleep\s*\("
    else:
        return
    for line, text in file.matches(pattern):
        yield line, f"a test sleeps: {text}"


@rule
def mains_are_short(file, tree):
    """main.cc: flags, configuration, dependencies, run, exit code."""
    if file.path.name == "main.cc" and file.parts[0] == "services" and len(file.lines) > MAIN_LINES:
        yield MAIN_LINES + 1, f"{len(file.lines)} lines; at most {MAIN_LINES}"


@rule
def no_machine_paths(file, tree):
    """Nothing in the tree depends on one machine's folders; a Dockerfile's are those of the image it makes."""
    if file.path.name == "Dockerfile":
        return
    for line, text in file.matches(r"/w[o]rk/|/home/\w+/|/r[o]ot/\.|/t[m]p/[a-z0-9-]+/"):
        yield line, f"names a folder of one machine: {text}"


@rule
def headers_have_their_guard(file, tree):
    """#ifndef SDA_PATH_OF_FILE_H_, so that two headers never share one."""
    if file.path.suffix != ".h":
        return
    guard = "SDA_" + re.sub(r"[^A-Z0-9]", "_", str(file.path).upper()) + "_"
    first = next(((n, l) for n, l in enumerate(file.lines, 1) if l.startswith("#")), (1, ""))
    if first[1] != f"#ifndef {guard}" or f"#define {guard}" not in file.lines:
        yield first[0], f"the first directive is not the include guard {guard}"


@rule
def tests_are_listed(file, tree):
    """A test that no CMakeLists.txt names never runs."""
    if not file.path.name.endswith("_test.cc"):
        return
    for folder in file.path.parents:
        listing = tree.get(folder / "CMakeLists.txt")
        name = file.path.relative_to(folder).as_posix()
        if listing and re.search(rf"(?<![\w/]){re.escape(name)}(?!\w)", "\n".join(listing.lines)):
            return
    yield 1, "no CMakeLists.txt lists this test"


@rule
def nothing_is_swallowed(file, tree):
    """An exception caught and dropped hides its cause."""
    if not file.is_cpp:
        return
    text = "\n".join(file.lines)
    for match in re.finditer(r"catch\s*\(\s*\.\.\.\s*\)\s*\{\s*\}", text):
        yield text.count("\n", 0, match.start()) + 1, "catch (...) drops the exception"


@rule
def builds_are_portable(file, tree):
    """Binaries run on machines other than the one that built them."""
    if file.path.name == "CMakeLists.txt" or file.path.suffix in (".cmake", ".json", ".sh"):
        for line, text in file.matches(r"-m(arch|tune)=n[a]tive"):
            yield line, f"{text}; dispatch at run time instead"


def tracked_files(root):
    """The files git knows or would add; every file where there is no git."""
    try:
        listing = subprocess.run(
            ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            check=True, capture_output=True, text=True).stdout
        paths = [pathlib.PurePath(name) for name in listing.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        paths = [path.relative_to(root) for path in root.rglob("*")]
    return [path for path in paths
            if (root / path).is_file() and path.parts[0] not in ("build", ".git") and path.suffix != ".binpb"]


def complaints(root):
    root = pathlib.Path(root)
    tree = {path: SourceFile(root, path) for path in map(pathlib.PurePath, tracked_files(root))}
    for path in sorted(tree):
        file = tree[path]
        for check in RULES:
            for line, message in check(file, tree):
                if line <= len(file.lines) and ALLOW.search(file.lines[line - 1]):
                    continue
                yield f"{path}:{line}: {check.__name__}: {message}"


def main(root):
    found = list(complaints(root))
    for complaint in found:
        print(complaint)
    print(f"{len(RULES)} rules, {len(found)} complaints")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]))
