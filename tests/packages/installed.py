# SPDX-License-Identifier: GPL-2.0
"""A Debian on a disk of the emulated machine, on which the packages of make deb are installed, used and removed."""

import glob
import os
import re
import shutil
import subprocess
import sys

import tap

sys.path.insert(0, os.path.join(tap.TOP, "machine"))

import checks  # noqa: E402
from checks import Result  # noqa: E402
from scenario import observe  # noqa: E402
from witherspoon import BOARDS, DEFAULT_BOARD, MachineError, Settings  # noqa: E402

HERE = os.path.join(tap.TOP, "tests", "packages")
DEB = os.path.join(tap.TOP, "scripts", "deb")
OUT = os.path.join(tap.BUILD, "deb")
MEDIA_SIZE = "600M"
LIMIT = {"first-boot": 3600, "install": 2400, "demo": 1800, "purge": 2400}
NAMES = ("linux-image-", "qemu-system-ppc-nvlink2", "nvlink2-tools", "nvlink2-selftests")
# A disk below the board's port for one; two namespaces, whose order is certain
DISK = ("-device", "nvme,id=disks,bus=disk,serial=1",
        "-drive", "if=none,id=root,format=raw,cache=unsafe,file={root}", "-device", "nvme-ns,drive=root,bus=disks,nsid=1",
        "-drive", "if=none,id=media,format=raw,cache=unsafe,file={media}", "-device", "nvme-ns,drive=media,bus=disks,nsid=2")


class Installed(Settings):
    """A boot from the disk; without an initrd by the house's own kernel, with its first process the given one."""

    end = re.compile(r"@ end$|.*reboot: Power down")

    def __init__(self, root, media, kernel=None, initrd=None, init=None):
        super().__init__(extra=[word.format(root=root, media=media) for word in DISK])
        self.kernel = kernel or os.path.join(self.images, "vmlinux")
        self.initrd = initrd
        self.init = init

    def command(self):
        words = super().command()
        words[words.index("-kernel") + 1] = self.kernel
        where = words.index("-initrd")
        words[where:where + 2] = ["-initrd", self.initrd] if self.initrd else []
        words[words.index("-append") + 1] = "root=/dev/nvme0n1 console=hvc0 quiet panic=-1 systemd.show_status=false " + (
            f"init={self.init}" if self.init else "")
        return words


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
                          **options)
    if done.returncode:
        raise MachineError(f"{' '.join(command[:3])}: {done.stdout.strip()[-1500:]}")
    return done.stdout


def boot(step, work, **options):
    settings = Installed(os.path.join(work, "root.img"), os.path.join(work, "media.img"), **options)
    return observe(settings, tap.log(f"packages-{step}"), LIMIT[step])


def make_disk(image, directory, size):
    run("mke2fs", "-q", "-F", "-t", "ext4", "-d", directory, image, size)


def base(suite):
    """The disk with Debian on it, installed once."""
    work = os.path.join(tap.BUILD, "packages", suite)
    image = os.path.join(work, "base.img")
    if os.path.exists(image):
        return image
    os.makedirs(work, exist_ok=True)
    root, media = os.path.join(work, "root.img"), os.path.join(work, "media.img")
    run(os.path.join(HERE, "rootfs"), suite, root)
    make_disk(media, HERE, "1M")
    seen = boot("first-boot", work, init="/first-boot")
    if "host.installed" not in seen.facts:
        raise MachineError(f"Debian could not be installed: {seen.facts.get('host.failed', 'see packages-first-boot.log')}")
    os.rename(root, image)
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
    """The disk with the packages, and with the jobs and the guest of the house's own images."""
    tree = os.path.join(work, "media")
    shutil.rmtree(tree, ignore_errors=True)
    os.makedirs(os.path.join(tree, "guest"))
    copy_packages(os.path.join(tree, "first"))
    next_revision(os.path.join(tree, "first"))
    with open(os.path.join(tap.BUILD, "images", "host.cpio"), "rb") as archive:
        run("cpio", "-id", "--quiet", "jobs/passthrough", "boot/vmlinux", "boot/guest.cpio", cwd=tree, stdin=archive)
    for name in ("vmlinux", "guest.cpio"):
        os.rename(os.path.join(tree, "boot", name), os.path.join(tree, "guest", name))
    for name in ("packages-test.service", "step"):
        shutil.copy(os.path.join(HERE, name), tree)
    make_disk(os.path.join(work, "media.img"), tree, MEDIA_SIZE)
    shutil.rmtree(tree)


def take_out(work, *names):
    """Files of the disk with the packages, whose journal may have to be replayed; that is status 1."""
    disk = os.path.join(work, "media.img")
    subprocess.run(["e2fsck", "-fy", disk], capture_output=True, check=False)
    for name in names:
        run("debugfs", "-R", f"dump /{name} {os.path.join(work, name)}", disk)
        if not os.path.getsize(os.path.join(work, name)):
            raise MachineError(f"the machine has written no {name}")


def expect(name, fact, wanted, facts):
    return Result(name, re.fullmatch(wanted, facts.get(fact, "")), "", facts.get(fact, "(not said)"))


def judge_install(facts):
    return [expect("apt installs the packages", "host.install", "0", facts),
            expect("with the kernel comes its initramfs", "host.boot", r".*initrd\.img-\S+-nvlink2 .*", facts)]


def judge_demo(seen):
    facts = seen.facts
    return [expect("systemd starts all it has", "host.systemd.failed", r"\s*", facts),
            expect("nvlink2 check is content with kernel and QEMU", "host.check", "0", facts),
            expect("nvlink2 binds the group", "host.bind", "0", facts),
            expect("nvlink2 takes the QEMU of the package", "host.packaged", "/usr/bin/qemu-system-ppc64-nvlink2", facts),
            *checks.judge(DEFAULT_BOARD, seen)]


def judge_purge(facts):
    first, second = facts.get("host.versions.first", ""), facts.get("host.versions.second", "")
    newer = re.sub(r"nvlink2\.(\d+)", lambda match: f"nvlink2.{int(match[1]) + 1}", first)
    return [expect("the next version takes the place of this one", "host.upgrade", "0", facts),
            Result("and is newer", first and second == newer, "", f"{first}, {second}"),
            expect("all can be purged", "host.purge", "0", facts),
            expect("nothing is left behind, and nothing is missing", "host.left", r"\s*", facts)]


def judge(suite):
    """All steps, on a copy of the disk."""
    work = os.path.join(tap.BUILD, "packages", "run")
    os.makedirs(work, exist_ok=True)
    shutil.copy(base(suite), os.path.join(work, "root.img"))
    media(work)
    results = judge_install(boot("install", work, init="/first-boot -- install").facts)
    take_out(work, "vmlinux", "initrd")
    results += judge_demo(boot("demo", work, kernel=os.path.join(work, "vmlinux"), initrd=os.path.join(work, "initrd")))
    return results + judge_purge(boot("purge", work, init="/first-boot -- purge").facts)
