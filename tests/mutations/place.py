# SPDX-License-Identifier: GPL-2.0
"""A copy of the repository and of what is built, in build/mutations, to break things in.

Builds know their own paths: a copy elsewhere would be built from nothing. So programs in the copy run where it stands
in the place of the original, in a mount namespace of their own. Root may have one, and on Debian any user; where
that is not so the copy is built from nothing, which takes half an hour. 4 GB.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess

from mutations import TOP, MutationError

BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))
# In the order in which they are built
PARTS = ("kernel", "qemu-machine", "qtests", "consumer", "images")
STAMPS = ("obj/host", "qemu-machine", "qemu-consumer", "images")
COPIED = ("linux", "obj/host", "qemu-machine", "qemu-machine-src", "qemu-consumer", "qemu-consumer-src", "images",
          "ppc64el", "ppc64el-tools")
SHARED = ("base", "apt")
# What has to be built anew after a change below a directory; all other paths of the repository: nothing
AFTER = {"machine/qemu/": ("qemu-machine", "qtests"), "qemu/": ("consumer", "images"), "machine/guest/": ("images",),
         "machine/host/": ("images",), "machine/common/": ("images",)}
ROOT, USER = ["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"]
# Arguments: repository, build, the place; then the command. The build may be in the repository or not.
ENTER = r"""
for shared in base apt; do
	mount --rbind "$2/$shared" "$3/build/$shared"
done
case $2 in
"$1"/*) mkdir -p "$3/top/${2#"$1"/}" && mount --rbind "$3/build" "$3/top/${2#"$1"/}" && mount --rbind "$3/top" "$1" ;;
*) mount --rbind "$3/top" "$1" && mount --rbind "$3/build" "$2" ;;
esac
cd "$1" && shift 3 && exec "$@"
"""


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          check=False, **options)
    if done.returncode:
        raise MutationError(f"{' '.join(command[:3])} failed: {done.stdout.strip()[-1000:]}")
    return done.stdout


def namespace():
    """The command that makes a mount namespace, or None."""
    for command in (ROOT, USER):
        if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
            return command
    return None


def lock():
    """Held as long as it is referred to: two at once would mend what the other has just broken."""
    path = os.path.join(BUILD, "locks", "mutations")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    held = open(path, "w", encoding="utf-8")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise MutationError("another 44-mutations.t is at work; wait for it") from None
    return held


def read(path):
    with open(path, encoding="utf-8") as stream:
        return stream.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)


class Place:
    def __init__(self):
        self.path = os.path.join(BUILD, "mutations", "place")
        self.top, self.build = os.path.join(self.path, "top"), os.path.join(self.path, "build")
        self.key_file = os.path.join(self.path, "key")
        self.original_file = os.path.join(self.path, "original.json")
        self.namespace = namespace()
        self.stale = set(PARTS)
        self.lock = lock()

    def stamps(self):
        return "".join(read(os.path.join(BUILD, part, ".built")) for part in STAMPS)

    def prepare(self):
        """Build the original, copy it unless there is a copy of the same, and mend what was broken last."""
        run(os.path.join(TOP, "scripts", "build"), "kernel", "qtests", "consumer", "images")
        key = self.stamps()
        if not os.path.exists(self.key_file) or read(self.key_file) != key:
            self.copy_build()
            write(self.key_file, key)
        os.makedirs(self.top, exist_ok=True)
        self.mend()
        # By contents, and with the time of now: what was edited while something was built here is newer than that
        run("rsync", "-rlp", "--checksum", "--delete", f"--exclude=/{os.path.relpath(BUILD, TOP)}", "--exclude=/build",
            "--exclude=/.git", "--exclude=__pycache__", TOP + "/", self.top + "/")
        if not self.namespace:
            self.build_for(PARTS, os.path.join(self.path, "build.log"))
        return key

    def copy_build(self):
        shutil.rmtree(self.path, ignore_errors=True)
        os.makedirs(self.build)
        for part in SHARED:
            target = os.path.join(self.build, part)
            if self.namespace:
                os.mkdir(target)
            else:
                os.symlink(os.path.join(BUILD, part), target)
        for part in COPIED if self.namespace else ():
            target = os.path.join(self.build, part)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            run("cp", "-a", "--reflink=auto", os.path.join(BUILD, part), target)

    def path_of(self, mutation):
        return os.path.join(os.path.join(self.build, "linux") if mutation.in_series else self.top, mutation.path)

    @staticmethod
    def parts_after(mutation):
        if mutation.in_series:
            return {"kernel", "images"}
        return {part for directory, parts in AFTER.items() if mutation.path.startswith(directory) for part in parts}

    def break_by(self, mutation):
        path = self.path_of(mutation)
        text = read(path)
        write(self.original_file + ".new", json.dumps({"path": path, "text": text}))
        os.rename(self.original_file + ".new", self.original_file)
        self.stale.update(self.parts_after(mutation))
        write(path, mutation.applied_to(text))

    def mend(self, mutation=None):
        """Written anew, so that it counts as changed: what was built of the broken one is older."""
        if os.path.exists(self.original_file):
            original = json.loads(read(self.original_file))
            write(original["path"], original["text"])
            os.unlink(self.original_file)
        if mutation:
            self.stale.update(self.parts_after(mutation))

    def build_for(self, needs, log):
        wanted = [part for part in PARTS if part in self.stale and part in needs]
        if wanted:
            status, _ = self.go(["scripts/build", *wanted], log, 7200)
            if status:
                raise MutationError(f"{' and '.join(wanted)} could not be built: see {os.path.relpath(log)}")
        self.stale.difference_update(wanted)

    def go(self, command, log, seconds):
        """Run a command of the repository in the place: its status, None if it did not end, and its output."""
        environment = {**os.environ, "BUILD": BUILD if self.namespace else self.build}
        # Those of the user are not broken
        for name in ("MACHINE_IMAGES", "MACHINE_QEMU"):
            environment.pop(name, None)
        if self.namespace:
            command = [*self.namespace, "bash", "-ec", ENTER, "enter", TOP, BUILD, self.path, *command]
        with open(log, "a+", encoding="utf-8", errors="replace") as stream:
            stream.seek(0, os.SEEK_END)
            start = stream.tell()
            process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                       cwd=self.top, env=environment, start_new_session=True)
            try:
                status = process.wait(seconds)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                stop(process)
            stream.seek(start)
            return status, stream.read()


def stop(process):
    """With all that it has started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
