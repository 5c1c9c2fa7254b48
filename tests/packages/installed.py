# SPDX-License-Identifier: GPL-2.0
"""A Debian on a disk of the emulated machine, on which the packages of make deb are installed, used and removed.

LIBVIRT in the environment names a directory with the packages of libvirt, and all that those depend on: libvirt starts a guest
as well, then.

Each step works on a copy of the disk that the one before has left, so that what is interrupted goes on with its step.
"""

import dataclasses
import glob
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys

import tap

sys.path.insert(0, os.path.join(tap.TOP, "machine"))

import checks  # noqa: E402
import guests  # noqa: E402
import moves  # noqa: E402
from checks import Result  # noqa: E402
from scenario import Observation, observe  # noqa: E402
from witherspoon import BOARDS, DEFAULT_BOARD, MachineError, Settings  # noqa: E402

HERE = os.path.join(tap.TOP, "tests", "packages")
DEB = os.path.join(tap.TOP, "scripts", "deb")
OUT = os.path.join(tap.BUILD, "deb")
MIB, SECTOR = 1 << 20, 512
# In MiB: where the partitions begin, and how large they are
ROOT, MEDIA = (1, 1500), (1501, 600)
# A disk that is found late, and a service that takes longer than 90 seconds to start, have not failed here
PATIENCE = "rootwait systemd.show_status=false systemd.default_timeout_start_sec=3600 systemd.default_device_timeout_sec=3600"
# Only for what hangs
LIMIT = 4 * 3600
# What the steps are made of
PARTS = ("first-boot", "libvirt-guest", "packages-test.service", "step")
JOBS = ("passthrough", "guests", "moves")
SHAPE, REBOOTS, ROUNDS, GPUS = "reboot-two:1", 1, 2, 2
# Both GPUs of the socket, with three bridges each
BOUND = "8"
# Directory of packages, or nothing
LIBVIRT = os.environ.get("LIBVIRT", "")
# Steps after which the next one has the disk as it was before them
ASIDE = {"libvirt"}
# Configuration, which stays until packages are purged
CONFIGURATION = {"/etc/udev/rules.d/60-nvlink2.rules",
                 "/etc/apparmor.d/abstractions/libvirt-qemu.d/qemu-system-ppc64-nvlink2"}
NAMES = ("linux-image-", "qemu-system-ppc-nvlink2", "nvlink2-tools", "nvlink2-selftests")
# One disk below the board's port for one, with two partitions: the kernel finds several disks in no certain order
DISK = ("-drive", "if=none,id=disk,format=raw,cache=unsafe,file={disk}", "-device", "nvme,drive=disk,bus=disk,serial=1")


class Installed(Settings):
    """A boot from the disk: by the house's own kernel with the first process init, or by that of the packages, where
    systemd does the step.
    """

    end = re.compile(r"@ end$|.*reboot: Power down")

    def __init__(self, work, init=None, step=None):
        super().__init__(extra=[word.format(disk=os.path.join(work, "disk.img")) for word in DISK])
        self.kernel = os.path.join(work, "vmlinux") if step else os.path.join(self.images, "vmlinux")
        self.initrd = os.path.join(work, "initrd") if step else None
        self.task = f"packages.step={step}" if step else f"init={init}"

    def command(self):
        words = super().command()
        words[words.index("-kernel") + 1] = self.kernel
        where = words.index("-initrd")
        words[where:where + 2] = ["-initrd", self.initrd] if self.initrd else []
        words[words.index("-append") + 1] = f"root=/dev/nvme0n1p1 console=hvc0 quiet panic=-1 {PATIENCE} {self.task}"
        return words


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
                          **options)
    if done.returncode:
        raise MachineError(f"{' '.join(command[:3])}: {done.stdout.strip()[-1500:]}")
    return done.stdout


def boot(name, work, seen=None, **options):
    return observe(Installed(work, **options), tap.log(f"packages-{name}"), LIMIT, seen=seen)


def make_media(work, directory):
    """The second partition of the disk, with what is in the directory."""
    begin, size = MEDIA
    run("mke2fs", "-q", "-F", "-t", "ext4", "-E", f"offset={begin * MIB}", "-d", directory, os.path.join(work, "disk.img"),
        f"{size}M")


def write_table(disk):
    """Of partitions, as PCs have it."""
    entries = [struct.pack("<B3sB3sII", 0, b"\xfe\xff\xff", 0x83, b"\xfe\xff\xff", begin * MIB // SECTOR, size * MIB // SECTOR)
               for begin, size in (ROOT, MEDIA)]
    with open(disk, "r+b") as stream:
        stream.truncate(sum(MEDIA) * MIB)
        stream.seek(446)
        stream.write(b"".join(entries).ljust(64, b"\0") + b"\x55\xaa")


def base(suite):
    """The disk with Debian on it, installed once."""
    work = os.path.join(tap.BUILD, "packages", suite)
    image = os.path.join(work, "base.img")
    if os.path.exists(image):
        return image
    os.makedirs(work, exist_ok=True)
    disk = os.path.join(work, "disk.img")
    run(os.path.join(HERE, "rootfs"), suite, disk, str(ROOT[0] * MIB), f"{ROOT[1]}M")
    write_table(disk)
    seen = boot("first-boot", work, init="/first-boot")
    if "host.installed" not in seen.facts:
        raise MachineError(f"Debian could not be installed: {seen.facts.get('host.failed', 'see packages-first-boot.log')}")
    os.rename(disk, image)
    return image


def copy_packages(where):
    os.makedirs(where)
    for name in NAMES:
        found = glob.glob(os.path.join(OUT, f"{name}*.deb"))
        if len(found) != 1:
            raise MachineError(f"{len(found)} packages {name}* in build/deb: 'make deb' makes them")
        shutil.copy(found[0], where)


def next_revision(where):
    """The same packages with the next version: dpkg-deb takes them apart and puts them together again."""
    second = where.replace("first", "second")
    os.makedirs(second)
    for deb in glob.glob(os.path.join(where, "*.deb")):
        tree = os.path.join(second, "tree")
        run("dpkg-deb", "-R", deb, tree)
        control = os.path.join(tree, "DEBIAN", "control")
        with open(control, encoding="utf-8") as stream:
            text = stream.read()
        with open(control, "w", encoding="utf-8") as stream:
            stream.write(re.sub(r"(?m)^(Version: .*nvlink2\.)(\d+)$", lambda match: f"{match[1]}{int(match[2]) + 1}", text))
        run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "-b", tree, second)
        shutil.rmtree(tree)


def media(work):
    """The partition with the packages, and with the jobs and the guest of the house's own images."""
    tree = os.path.join(work, "media")
    shutil.rmtree(tree, ignore_errors=True)
    os.makedirs(os.path.join(tree, "guest"))
    copy_packages(os.path.join(tree, "first"))
    next_revision(os.path.join(tree, "first"))
    if LIBVIRT:
        shutil.copytree(LIBVIRT, os.path.join(tree, "libvirt"))
    with open(os.path.join(tap.BUILD, "images", "host.cpio"), "rb") as archive:
        run("cpio", "-id", "--quiet", *(f"jobs/{name}" for name in JOBS), "boot/vmlinux", "boot/guest.cpio", cwd=tree,
            stdin=archive)
    for name in ("vmlinux", "guest.cpio"):
        os.rename(os.path.join(tree, "boot", name), os.path.join(tree, "guest", name))
    for name in PARTS:
        shutil.copy(os.path.join(HERE, name), tree)
    make_media(work, tree)
    shutil.rmtree(tree)


def take_out(work, *names):
    """Files of the partition with the packages. Its journal may have to be replayed, which is status 1 and needs a file of
    its own.
    """
    begin, size = MEDIA
    partition = os.path.join(work, "media.img")
    run("dd", f"if={os.path.join(work, 'disk.img')}", f"of={partition}", f"bs={MIB}", f"skip={begin}", f"count={size}",
        "conv=sparse", "status=none")
    subprocess.run(["e2fsck", "-fy", partition], capture_output=True, check=False)
    for name in names:
        run("debugfs", "-R", f"dump /{name} {os.path.join(work, name)}", partition)
        if not os.path.getsize(os.path.join(work, name)):
            raise MachineError(f"the machine has written no {name}")
    os.remove(partition)


def expect(name, fact, wanted, facts):
    said = facts.get(fact)
    if said is None:
        return Result(name, False, "", "(not said)")
    return Result(name, bool(re.fullmatch(wanted, said)), "", said)


def judge_install(facts):
    return [expect("apt installs the packages", "host.install", "0", facts),
            expect("with the kernel comes its initramfs", "host.boot", r".*initrd\.img-\S+-nvlink2 .*", facts)]


def judge_demo(seen):
    facts = seen.facts
    return [expect("systemd starts all it has", "host.systemd.failed", r"\s*", facts),
            expect("nvlink2 check is content with kernel and QEMU", "host.check", "0", facts),
            expect("nvlink2 binds the group, for each start from now on", "host.bind", "0", facts),
            expect("nvlink2 takes the QEMU of the package", "host.packaged", "/usr/bin/qemu-system-ppc64-nvlink2", facts),
            *checks.judge(DEFAULT_BOARD, seen)]


def judge_libvirt(seen):
    return [expect("udev has bound the group", "host.at-boot", BOUND, seen.facts),
            expect("libvirt can be installed", "host.libvirt.install", "0", seen.facts),
            expect("and started", "host.libvirt.start", "0", seen.facts),
            expect("libvirt's version", "host.libvirt.version", r"libvirt \S+", seen.facts),
            *checks.judge(DEFAULT_BOARD, seen)]


def judge_shapes(seen):
    return [expect("udev has bound the group", "host.at-boot", BOUND, seen.facts),
            guests.stays(seen, SHAPE, REBOOTS + 1, GPUS), guests.host_is_well(seen)]


def judge_moves(seen):
    return [expect("udev has bound the group again", "host.at-boot", BOUND, seen.facts), *moves.judge_moves(seen, ROUNDS)]


def parents(path):
    above = os.path.dirname(path)
    return {above, *parents(above)} if above != "/" else set()


def only_configuration(text):
    kept = set(re.findall(r"> (\S+)", text))
    above = set().union(*(parents(path) for path in CONFIGURATION))
    return Result("configuration stays then, and nothing else", CONFIGURATION <= kept and not kept - CONFIGURATION - above and
                  "<" not in text, "", text)


def judge_remove(facts):
    first, second = facts.get("host.versions.first", ""), facts.get("host.versions.second", "")
    newer = re.sub(r"nvlink2\.(\d+)", lambda match: f"nvlink2.{int(match[1]) + 1}", first)
    return [expect("the next version takes the place of this one", "host.upgrade", "0", facts),
            Result("and is newer", bool(first) and second == newer, "", f"{first}, {second}"),
            expect("all can be removed", "host.remove", "0", facts),
            only_configuration(facts.get("host.kept", "")),
            expect("all can be purged", "host.purge", "0", facts),
            expect("nothing is left behind, and nothing is missing", "host.left", r"\s*", facts)]


def install(work):
    results = judge_install(boot("install", work, init="/first-boot -- install").facts)
    take_out(work, "vmlinux", "initrd")
    return results


def systemd(step, judge_step, observation=Observation):
    def do(work):
        return judge_step(boot(step, work, seen=observation(), step=step))
    return do


def remove(work):
    return judge_remove(boot("remove", work, init="/first-boot -- remove").facts)


STEPS = {"install": install, "demo": systemd("demo", judge_demo),
         **({"libvirt": systemd("libvirt", judge_libvirt)} if LIBVIRT else {}),
         "shapes": systemd("shapes", judge_shapes, guests.Guests),
         "moves": systemd("moves", judge_moves), "remove": remove}


def copy(path, to):
    """Large files with holes."""
    run("cp", "--sparse=always", "--", path, f"{to}.new")
    os.rename(f"{to}.new", to)


class Progress:
    """Which steps have been done, with what came out; the directory "done" has the disk as the last of them left it."""

    def __init__(self, work, key):
        self.work, self.done, self.key = work, os.path.join(work, "done"), key
        self.path = os.path.join(self.done, "steps.json")
        self.steps = {}
        if os.path.exists(self.path):
            with open(self.path, encoding="utf-8") as stream:
                known = json.load(stream)
            self.steps = known["steps"] if known["key"] == key else {}

    def write(self, disk=True):
        """The disk first: what it has been through is done again if this is interrupted."""
        os.makedirs(self.done, exist_ok=True)
        if os.path.exists(self.path):
            os.remove(self.path)
        if disk:
            os.replace(os.path.join(self.work, "disk.img"), os.path.join(self.done, "disk.img"))
        with open(f"{self.path}.new", "w", encoding="utf-8") as stream:
            json.dump({"key": self.key, "steps": self.steps}, stream)
        os.rename(f"{self.path}.new", self.path)

    def step(self, name, do):
        """Results of the step, which is done unless it has been; it has not if it failed."""
        if name in self.steps:
            return [Result(**result) for result in self.steps[name]]
        copy(os.path.join(self.done, "disk.img"), os.path.join(self.work, "disk.img"))
        results = do(self.work)
        if all(result.passed for result in results):
            self.steps[name] = [dataclasses.asdict(result) for result in results]
            self.write(disk=name not in ASIDE)
        return results


def digest(*paths):
    total = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


def libvirt_files():
    found = glob.glob(os.path.join(LIBVIRT, "**"), recursive=True) if LIBVIRT else []
    return sorted(filter(os.path.isfile, found))


def begin(suite):
    """The disk before the first step, unless packages, jobs and steps are those of the last time."""
    work = os.path.join(tap.BUILD, "packages", "run")
    os.makedirs(work, exist_ok=True)
    disk = base(suite)
    images = [os.path.join(tap.BUILD, "images", name) for name in ("vmlinux", "host.cpio")]
    debs = sorted(glob.glob(os.path.join(OUT, "*.deb"))) + libvirt_files()
    key = f"{disk} {os.path.getmtime(disk)} {bool(LIBVIRT)} " + digest(
        *images, *debs, *(os.path.join(HERE, name) for name in PARTS))
    progress = Progress(work, key)
    if not progress.steps:
        copy(disk, os.path.join(work, "disk.img"))
        media(work)
        progress.write()
    return progress


def judge(suite):
    """Up to the first step that fails: what comes after it has nothing to stand on."""
    progress, results = begin(suite), []
    for name, do in STEPS.items():
        results += progress.step(name, do)
        if name not in progress.steps:
            return results
    shutil.rmtree(progress.done)
    return results
