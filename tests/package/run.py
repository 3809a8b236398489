#!/usr/bin/env python3
"""Tests of Tremula as a package, on what a build directory holds already.

    run.py consumers BUILD         installs into a temporary prefix; programs find it by CMake, pkg-config and by hand
    run.py subdirectory BUILD      a project that has Tremula as a subdirectory
    run.py headers BUILD           every public header compiles alone, without a warning, under each compiler that is there
    run.py symbols BUILD [--update]   what the library shows against symbols.txt; what it needs, and its soname
    run.py abi BUILD [--update]   the layouts of the public types and what the C functions take against abi.xml (exit status 77
                                  where there is no abidiff)
    run.py fresh BUILD             a Debian 12 with nothing but the packages and a compiler, made for it: docs/guide.md followed there
                                   (as root, with debootstrap and a network; not among the tests that ctest runs)
    run.py debs BUILD              the packages for Debian: what is in them, that they install, and that their parts work
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PRINTED = '[{"op":"add","path":"/0","value":{"Name":"Low"}}] unknown_column\n'
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]


class Failed(Exception):
    pass


def call(*command, env=None, fails=False, cwd=None):
    """Runs a command and gives its standard output. Failed, with all that it printed, if its end is not as expected."""
    command = [str(word) for word in command]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(env or {})}, cwd=cwd)
    if (done.returncode != 0) != fails:
        raise Failed(f"{' '.join(command)}\nexit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stderr if fails else done.stdout


def expect(holds, what):
    if not holds:
        raise Failed(what)


def expect_same(is_there, wanted, what):
    missing, more = sorted(set(wanted) - set(is_there)), sorted(set(is_there) - set(wanted))
    if missing or more:
        raise Failed(what + "".join(f"\n  missing: {one}" for one in missing) + "".join(f"\n  too many: {one}" for one in more))


def cache_of(build):
    lines = (build / "CMakeCache.txt").read_text().splitlines()
    return dict(re.match(r"([^:]+):[^=]*=(.*)", line).groups() for line in lines if re.match(r"[A-Za-z_]+:[A-Z]+=", line))


def cmake_project(source, build, *options):
    return ["cmake", "-G", "Ninja", "-S", source, "-B", build, "-DCMAKE_BUILD_TYPE=Release", *options]


def expect_prints(program, env=None):
    printed = call(program, env=env)
    expect(printed == PRINTED, f"{program} prints {printed!r}")


def library_dir(prefix):
    found = list(prefix.rglob("libtremula.so"))
    expect(len(found) == 1, f"one libtremula.so under {prefix}: {found}")
    return found[0].parent


def consumers(build, scratch):
    prefix = scratch / "prefix"
    call("cmake", "--install", build, "--prefix", prefix)
    # A tree that is moved works where it is then.
    moved = scratch / "moved"
    prefix.rename(moved)
    prefix, libraries = moved, library_dir(moved)
    headers = {str(path.relative_to(ROOT / "include")) for path in (ROOT / "include").rglob("*.h")}
    expect_same({str(path.relative_to(prefix / "include")) for path in (prefix / "include").rglob("*")
                 if path.is_file()}, headers, "the installed headers")

    project = HERE / "consumer"
    found = scratch / "found"
    call(*cmake_project(project, found, "-DWANTED_VERSION=0.1", f"-DCMAKE_PREFIX_PATH={prefix}"))
    call("cmake", "--build", found)
    for program in ("consumer", "consumer_static", "consumer_c"):
        expect_prints(found / program)
    expect("libtremula.so.0" in call("readelf", "-d", found / "consumer"), "consumer needs libtremula.so.0")
    expect("libtremula" not in call("readelf", "-d", found / "consumer_static"), "consumer_static is static")
    said = call(*cmake_project(project, scratch / "refused", "-DWANTED_VERSION=0.2", f"-DCMAKE_PREFIX_PATH={prefix}"),
                fails=True)
    expect("compatible with requested version" in said and "0.2" in said, f"version 0.2 is refused: {said}")

    compiler, c_compiler = cache_of(build)["CMAKE_CXX_COMPILER"], "cc"
    env = {"PKG_CONFIG_PATH": str(libraries / "pkgconfig"), "LD_LIBRARY_PATH": str(libraries)}
    flags = call("pkg-config", "--cflags", "--libs", "tremula >= 0.1", env=env).split()
    call(compiler, "-std=c++20", project / "consumer.cpp", *flags, "-o", scratch / "by_pkg_config")
    expect_prints(scratch / "by_pkg_config", env)
    call(c_compiler, "-std=c99", "-pedantic-errors", "-Wall", "-Werror", project / "consumer_c.c", *flags, "-o",
         scratch / "by_pkg_config_c")
    expect_prints(scratch / "by_pkg_config_c", env)
    private = [flag for flag in call("pkg-config", "--static", "--libs-only-l", "--libs-only-other", "tremula", env=env).split()
               if flag != "-ltremula"]
    call(c_compiler, "-std=c99", project / "consumer_c.c", "-I", prefix / "include", libraries / "libtremula.a", *private,
         "-o", scratch / "by_hand_c")
    expect_prints(scratch / "by_hand_c")
    expect("tremula" in call(prefix / "bin/tremula", "--version"), "the command tells its version")


def subdirectory(build, scratch):
    log = scratch / "log"
    log.write_text("")
    flags = cache_of(build)["CMAKE_CXX_FLAGS_RELEASE"]
    configure = cmake_project(HERE / "subdirectory", scratch / "build", f"-DTREMULA_SOURCE={ROOT}",
                              f"-DCMAKE_CXX_FLAGS_RELEASE={flags}", f"-DCMAKE_CXX_COMPILER={cache_of(build)['CMAKE_CXX_COMPILER']}",
                              f"-DCMAKE_CXX_COMPILER_LAUNCHER={HERE / 'built_already.py'}")
    call(*configure)
    call("cmake", "--build", scratch / "build", env={"TREMULA_BUILT": str(build), "TREMULA_BUILT_LOG": str(log)})
    expect_prints(scratch / "build/consumer")
    lines = log.read_text().splitlines()
    compiled = [line for line in lines if line.startswith("compiled") and "consumer.cpp" not in line]
    expect(len(lines) > 100, f"only {len(lines)} compilations")
    expect(not compiled, "compiled with other options than here:\n" + "\n".join(compiled))
    made = {path.name for path in (scratch / "build").rglob("*") if path.is_file() and os.access(path, os.X_OK)}
    expect(not any(name.endswith("_test") or name == "tremula" for name in made), f"nothing but the library is built: {made}")


def headers(build, _scratch):
    compilers = [name for name in ("g++", "clang++") if shutil.which(name)]
    expect(compilers, "a C++ compiler")
    public = sorted((ROOT / "include/tremula").glob("*.h"))
    expect(len(public) >= 9, f"only {len(public)} headers")
    for header in public:
        name = f"tremula/{header.name}"
        for compiler in compilers:
            call("sh", "-c", f"echo '#include <{name}>' | {compiler} -std=c++20 {' '.join(STRICT)} -I '{ROOT}/include' "
                 "-fsyntax-only -x c++ -")
    for compiler in [name for name in ("gcc", "clang") if shutil.which(name)]:
        for name in ("export", "version", "tremula_c"):
            call("sh", "-c", f"printf '#include <tremula/{name}.h>\nextern int more;\n' | {compiler} -std=c99 -pedantic-errors {' '.join(STRICT)} "
                 f"-I '{ROOT}/include' -fsyntax-only -x c -")
    text = "".join(header.read_text() for header in public)
    included = set(re.findall(r'#include [<"]([^>"]+)[>"]', text))
    foreign = [name for name in included if "/" in name and not name.startswith("tremula/")]
    expect(not foreign, f"public headers include {foreign}")
    print(f"{len(public)} headers under {', '.join(compilers)}")


def symbols(build, _scratch, update=False):
    library = build / "libtremula.so"
    lines = call("nm", "-D", "--defined-only", library).splitlines()
    # Versioned names, without their addresses; the version's own symbol is no function.
    names = sorted({line.split()[2].split("@")[0] for line in lines} - {"TREMULA_0"})
    shown = call("c++filt", "-i", *names).splitlines()
    text = "".join(f"{name}\t{clear}\n" for name, clear in zip(names, shown))
    baseline = HERE / "symbols.txt"
    if update:
        baseline.write_text(text)
        print(f"{len(names)} symbols written")
        return
    wanted = [line.split("\t")[0] for line in baseline.read_text().splitlines()]
    expect_same(names, wanted, "libtremula.so shows other symbols than tests/package/symbols.txt; if that is meant: "
                "tests/package/run.py symbols BUILD --update")

    dynamic = call("readelf", "-d", library)
    expect(re.findall(r"SONAME.*\[(.*)\]", dynamic) == ["libtremula.so.0"], "the soname is libtremula.so.0")
    needed = set(re.findall(r"NEEDED.*\[(.*)\]", dynamic))
    expect(needed <= {"liblz4.so.1", "libstdc++.so.6", "libm.so.6", "libgcc_s.so.1", "libc.so.6", "ld-linux-x86-64.so.2"},
           f"the library needs {needed}")
    header = (ROOT / "include/tremula/tremula_c.h").read_text()
    declared = set(re.findall(r"TREMULA_API [\w ]+?[ *]+(tremula_\w+)\(", header))
    expect_same([name for name in names if name.startswith("tremula_")], declared, "functions of tremula_c.h in the library")

    # In the archive others can see our own names, and what a linker may merge; of that, nobody else's.
    strong, foreign = [], []
    for line in call("nm", "-C", "--defined-only", "--extern-only", build / "libtremula.a").splitlines():
        match = re.match(r"[0-9a-f]+ ([A-Z]) (.*)", line)
        if not match:
            continue
        kind, name = match.groups()
        if kind not in "WVu" and "tremula" not in name:
            strong.append(name)
        if re.search(r"\bnlohmann::(?!tremula_private::)", name.replace("[abi:cxx11]", "")) and "tremula::" not in name:
            foreign.append(name)
    expect(not strong, f"names in libtremula.a that are not ours: {strong[:5]}")
    expect(not foreign, f"third parties' names in libtremula.a: {foreign[:5]}")
    print(f"{len(names)} symbols")


ABI_EXIT_SKIPPED = 77
# Whatever comes from others is theirs to keep.
ABI_SUPPRESSIONS = """[suppress_type]
  source_location_not_regexp = tremula/[a-z_]+\\.h$
  drop = yes
"""


def face_library(include, scratch):
    """A library that shows every public type and every C function's type, and needs none of ours."""
    types, functions = [], []
    for header in sorted((include / "tremula").glob("*.h")):
        text = header.read_text()
        if header.name == "tremula_c.h":
            functions += re.findall(r"TREMULA_API [\w ]+?[ *]+(tremula_\w+)\(", text)
        else:
            types += re.findall(r"^(?:class|struct|enum class)\s+(?:\[\[nodiscard\]\] )?(?:TREMULA_API )?(\w+)\b(?=[^;<]*\{)", text, re.M)
    types = sorted(set(types) - {"Result", "Unit"})
    expect(len(types) >= 27 and len(functions) >= 52, f"only {len(types)} types and {len(functions)} functions: {types}")
    lines = ["#include <tremula/tremula.h>", "#include <tremula/tremula_c.h>", "namespace tremula {"]
    lines += [f"TREMULA_API {name}* face_{name} = nullptr;" for name in types]
    lines += ["TREMULA_API Result<Error>* face_Result = nullptr;", "TREMULA_API Result<void>* face_result_of_nothing = nullptr;", "}"]
    lines += [f"TREMULA_API decltype(&{name}) face_{name} = nullptr;" for name in functions]
    (scratch / "face.cpp").write_text("\n".join(lines) + "\n")
    call("g++", "-std=c++20", "-g", "-O0", "-fPIC", "-shared", "-fvisibility=hidden", "-I", include, scratch / "face.cpp", "-o", scratch / "face.so")
    return scratch / "face.so", len(types), len(functions)


def abi(_build, scratch, update=False):
    if not shutil.which("abidiff"):
        print("skipped: abidiff is not installed (Debian: abigail-tools)")
        return ABI_EXIT_SKIPPED
    baseline, suppressions = HERE / "abi.xml", scratch / "suppressions"
    suppressions.write_text(ABI_SUPPRESSIONS)

    def described(include, into):
        library, types, functions = face_library(include, scratch)
        call("abidw", "--headers-dir", include / "tremula", "--drop-private-types", "--suppressions", suppressions, "--no-corpus-path",
             "--no-comp-dir-path", "--no-show-locs", "--no-parameter-names", "--type-id-style", "hash", library, "--out-file", into)
        return f"{types} types, {functions} C functions"

    now = scratch / "now.xml"
    said = described(ROOT / "include", now)
    if update:
        shutil.copyfile(now, baseline)
        print(f"{said} written")
        return 0
    differs = subprocess.run(["abidiff", baseline, now], capture_output=True, text=True)
    expect(differs.returncode == 0, f"{differs.stdout}{differs.stderr}\nthe ABI is another one; if that is meant: tests/package/run.py abi BUILD --update")
    # It would be seen: a C function that takes another number, and a type with one member more.
    changed = scratch / "changed"
    shutil.copytree(ROOT / "include", changed)
    for name, before, after in (("tremula_c.h", "tremula_transaction* transaction, uint64_t* ticket", "tremula_transaction* transaction, uint32_t* ticket"),
                                ("subscription.h", "struct Change {", "struct Change {\n  int one_more = 0;")):
        path = changed / "tremula" / name
        text = path.read_text()
        expect(before in text, f"{name} says {before}")
        path.write_text(text.replace(before, after))
    described(changed, now)
    seen = subprocess.run(["abidiff", baseline, now], capture_output=True, text=True).stdout
    expect("one_more" in seen and "tremula_commit" in seen, f"two changes that abidiff should see: {seen}")
    print(said)
    return 0


# What each package holds besides its licence, and what it must depend on.
DEBS = {
    "libtremula0": (r"/usr/lib/[^/]+/libtremula\.so\.0(\.\d+\.\d+)?", ["libc6", "libstdc++6", "liblz4-1"]),
    "libtremula-dev": (r"/usr/(include/tremula/\w+\.(h|cpp)|lib/[^/]+/(libtremula\.(so|a)|pkgconfig/tremula\.pc|"
                       r"cmake/tremula/\w+(-\w+)?\.cmake))", ["libtremula0 (= ", "liblz4-dev"]),
    "tremula": (r"/usr/(bin/tremula|share/man/man1/tremula\.1)", ["libc6", "libstdc++6", "libedit2", "liblz4-1"]),
}


def debs(build, scratch):
    call("cpack", "-G", "DEB", "-B", scratch / "packages", cwd=build)
    packages = {call("dpkg-deb", "-f", path, "Package").strip(): path for path in (scratch / "packages").glob("*.deb")}
    expect_same(packages, DEBS, "packages")
    root = scratch / "root"
    for name, (pattern, depends) in DEBS.items():
        stated = call("dpkg-deb", "-f", packages[name], "Depends")
        for one in depends:
            expect(one in stated, f"{name} depends on {one}: {stated}")
        files = [line.split()[5].lstrip(".") for line in call("dpkg-deb", "-c", packages[name]).splitlines()
                 if not line.startswith("d")]
        strange = [path for path in files if not re.fullmatch(pattern, path) and not path.startswith(f"/usr/share/doc/{name}/")]
        expect(not strange, f"{name} holds {strange}")
        expect(files, f"{name} is empty")
    # Installed by dpkg into a root of their own: they don't overwrite each other, and their scripts run.
    (root / "var/lib/dpkg/updates").mkdir(parents=True)
    (root / "var/lib/dpkg/info").mkdir()
    (root / "var/lib/dpkg/status").write_text("")
    dpkg = ["dpkg", f"--root={root}", "--force-not-root", "--force-script-chrootless", "--force-depends",
            f"--log={scratch / 'dpkg.log'}"]
    call(*dpkg, "--install", *packages.values())
    for name in DEBS:
        status = call("dpkg-query", f"--admindir={root / 'var/lib/dpkg'}", "-W", "-f", "${Status}", name)
        expect(status == "install ok installed", f"{name}: {status}")
    libraries = library_dir(root)
    env = {"PKG_CONFIG_PATH": str(libraries / "pkgconfig"), "LD_LIBRARY_PATH": str(libraries)}
    flags = call("pkg-config", "--cflags", "--libs", "tremula", env=env).split()
    call("cc", "-std=c99", HERE / "consumer/consumer_c.c", *flags, "-o", scratch / "program")
    expect_prints(scratch / "program", env)
    expect("0.1" in call(root / "usr/bin/tremula", "--version"), "the command runs")
    page = root / "usr/share/man/man1/tremula.1"
    expect(page.is_file() and page.read_text() == (ROOT / "docs/tremula.1").read_text(), "the manual page is where man looks")
    call(*dpkg, "--purge", *DEBS)
    left = [str(path) for path in (root / "usr").rglob("*")] if (root / "usr").exists() else []
    expect(not left, f"left after a purge: {left[:5]}")


def fresh(build, scratch):
    call("cpack", "-G", "DEB", "-B", scratch / "packages", cwd=build)
    root = scratch / "root"
    call("debootstrap", "--variant=minbase", "bookworm", root)
    for package in (scratch / "packages").glob("*.deb"):
        shutil.copy(package, root / "root")
    (root / "root/guide").mkdir()

    def inside(command):
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}
        return subprocess.run(["chroot", root, "sh", "-c", f"cd /root/guide && {command}"], capture_output=True, text=True, env=env)

    def follow(command, wanted=None):
        done = inside(command)
        expect(done.returncode == 0 and wanted in (None, done.stdout), f"{command}\n{done.stdout}{done.stderr}\nwanted: {wanted}")

    follow("apt-get update -qq && apt-get install -y -qq --no-install-recommends g++ cmake make pkg-config ../*.deb")
    sys.path.insert(0, str(ROOT / "tests/docs"))
    from docs_test import blocks_of  # pylint: disable=import-outside-toplevel
    ran = 0
    for block in blocks_of(ROOT / "docs/guide.md"):
        if block.file:
            (root / "root/guide" / block.file).write_text(block.text)
        elif block.language == "console":
            for part in block.text.split("$ ")[1:]:
                command, _, wanted = part.partition("\n")
                follow(command, wanted)
                ran += 1
    expect(ran >= 8, f"only {ran} commands of the guide")
    follow("g++ -std=c++20 /usr/share/doc/libtremula-dev/examples/hello.cpp $(pkg-config --cflags --libs tremula) && ./a.out",
           '[{"op":"move","from":"/1","path":"/0"}]\n[{"Name":"Low"},{"Name":"Ten"}]\n')
    follow("tremula demo | tail -1", '{"checked":4,"equal":4}\n')
    follow("apt-get purge -y -qq tremula libtremula-dev libtremula0 && ! command -v tremula")
    print(f"{ran} commands of the guide")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("test", choices=["consumers", "subdirectory", "headers", "symbols", "abi", "debs", "fresh"])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--update", action="store_true")
    given = parser.parse_args()
    options = {"update": True} if given.update and given.test in ("symbols", "abi") else {}
    with tempfile.TemporaryDirectory(prefix="tremula_package_") as scratch:
        try:
            return globals()[given.test](given.build.resolve(), pathlib.Path(scratch), **options) or 0
        except Failed as failed:
            print(failed, file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main())
