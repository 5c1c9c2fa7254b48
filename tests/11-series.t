#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""series/ and build/linux are exact inverses, on a small base of our own."""

import os
import shutil
import subprocess
import tempfile
import unittest

import tap

VERSION = "linux-source-6.12 6.12.1-test"
BASE = {"Makefile": "all:\n", "drivers/a.c": "".join(f"a {number}\n" for number in range(60)),
        "drivers/Kconfig": "".join(f"config K{number}\n" for number in range(40)), "tools/run.sh": "#!/bin/sh\n"}
MAKEFILE = "VERSION = 7\nPATCHLEVEL = 9\nSUBLEVEL = 1\nEXTRAVERSION = -rc2\n"


class Series(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.top = os.path.join(self.directory, "top")
        self.linux = os.path.join(self.directory, "build", "linux")
        for path, text in BASE.items():
            self.put(f"base/{path}", text)
        os.chmod(os.path.join(self.directory, "base/tools/run.sh"), 0o755)
        for part in ("1-first", "2-second"):
            self.put(f"top/series/{part}/COVER", f"A subject of {part}\n\nA body.\n\nTo: list@example.org\n")
        self.environment = {**os.environ, "BASE": "", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
                            "GIT_AUTHOR_NAME": "A U Thor", "GIT_AUTHOR_EMAIL": "author@example.com",
                            "GIT_COMMITTER_NAME": "C O Mitter", "GIT_COMMITTER_EMAIL": "committer@example.com"}

    def put(self, name, text):
        path = os.path.join(self.directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)

    def get(self, name):
        with open(os.path.join(self.directory, name), encoding="utf-8") as stream:
            return stream.read()

    def tool(self, command, *arguments, version=VERSION, environment=None, prefix=()):
        return subprocess.run([*prefix, os.path.join(tap.TOP, "scripts", "series"), "--top", self.top, "--build",
                               os.path.join(self.directory, "build"), "--base", os.path.join(self.directory, "base"),
                               "--base-version", version, *arguments, command], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, env=environment or self.environment)

    def works(self, command, *arguments, **options):
        run = self.tool(command, *arguments, **options)
        self.assertEqual(run.returncode, 0, run.stdout)
        return run.stdout

    def refuses(self, command, *words, **options):
        run = self.tool(command, **options)
        self.assertNotEqual(run.returncode, 0, run.stdout)
        self.assertNotIn("Traceback", run.stdout)
        for word in words:
            self.assertIn(word, run.stdout)

    def git(self, *arguments, where=None):
        run = subprocess.run(["git", "-C", where or self.linux, *arguments], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, check=False, env=self.environment)
        self.assertEqual(run.returncode, 0, run.stdout)
        return run.stdout.strip()

    def edit(self, path, old, new):
        self.put(f"build/linux/{path}", self.get(f"build/linux/{path}").replace(old, new))

    def commit(self, message):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def make_series(self):
        """Three commits: a base file changed twice, a new file, a script that can be run, which is a part of its own."""
        self.works("tree")
        self.edit("drivers/a.c", "a 5\n", "a five\n")
        self.put("build/linux/drivers/n.c", "".join(f"n {number}\n" for number in range(30)))
        self.commit("driver: Begin\n\nThe reason.\n\nSigned-off-by: A U Thor <author@example.com>")
        self.edit("drivers/a.c", "a 50\n", "a fifty\n")
        self.edit("drivers/Kconfig", "config K3\n", "config K3\nconfig NEW\n")
        self.commit("driver: Go on\n\nAnother reason.")
        self.put("build/linux/tools/new.sh", "#!/bin/sh\nexit 0\n")
        os.chmod(os.path.join(self.linux, "tools/new.sh"), 0o755)
        self.commit("tools: Test it\n\nFixes: 123456789abc (\"driver: Begin\")")
        self.works("harvest")
        os.rename(os.path.join(self.top, "series/1-first/03-test-it.commit"),
                  os.path.join(self.top, "series/2-second/01-test-it.commit"))

    def trees(self):
        """The tree of each commit, in order."""
        return self.git("log", "--reverse", "--format=%T").split("\n")

    def listing(self, name):
        found = {}
        for parent, names, files in os.walk(os.path.join(self.directory, name)):
            names[:] = [entry for entry in names if entry != ".git"]
            for entry in files:
                path = os.path.join(parent, entry)
                with open(path, "rb") as stream:
                    found[os.path.relpath(path, self.directory)] = (stream.read(), os.stat(path).st_mode & 0o777)
        return found

    def trees_written(self):
        """How many trees the command "tree" writes."""
        self.put("bin/git", f'#!/bin/sh\necho "$@" >> {self.directory}/calls\nexec {shutil.which("git")} "$@"\n')
        os.chmod(os.path.join(self.directory, "bin/git"), 0o755)
        self.put("calls", "")
        path = os.path.join(self.directory, "bin") + ":" + self.environment["PATH"]
        self.works("tree", environment={**self.environment, "PATH": path})
        return self.get("calls").count("write-tree")

    def test_again(self):
        """what did not change is not made again, and what changed is"""
        self.make_series()
        first = self.trees_written()
        self.assertEqual(self.trees_written(), 0)
        self.put("top/drivers/n.c", "another\n")
        self.assertEqual(self.trees_written(), first)
        self.assertEqual(self.get("build/linux/drivers/n.c"), "another\n")

    def test_empty(self):
        """an empty series gives the base"""
        self.works("tree")
        self.assertEqual(self.get("build/linux/drivers/a.c"), BASE["drivers/a.c"])
        self.assertEqual(len(self.trees()), 1)

    def test_round_trip(self):
        """tree, commit, harvest, and tree again from nothing give the same trees"""
        self.make_series()
        before = self.trees()
        shutil.rmtree(os.path.join(self.directory, "build"))
        self.works("tree")
        self.assertEqual(self.trees(), before)
        self.assertEqual(len(before), 4)

    def test_same_commits(self):
        """the commits are the same wherever and whenever they are made"""
        self.make_series()
        before = self.git("rev-parse", "HEAD")
        shutil.rmtree(os.path.join(self.directory, "build"))
        self.works("tree")
        self.assertEqual(self.git("rev-parse", "HEAD"), before)

    def test_git_am(self):
        """git am of the patches on a clean base gives the same trees"""
        self.make_series()
        self.works("patches")
        clean = os.path.join(self.directory, "clean")
        shutil.copytree(os.path.join(self.directory, "base"), clean)
        self.git("init", "-q", where=clean)
        self.git("add", "-A", where=clean)
        self.git("commit", "-q", "-m", "base", where=clean)
        for part, count in (("1-first", 2), ("2-second", 1)):
            out = os.path.join(self.directory, "build", "series", part)
            names = sorted(name for name in os.listdir(out) if not name.startswith("0000"))
            self.assertEqual(len(names), count)
            self.git("am", "-q", *(os.path.join(out, name) for name in names), where=clean)
        self.assertEqual(self.git("log", "--reverse", "--format=%T", where=clean).split("\n"), self.trees())
        self.assertIn("Signed-off-by: C O Mitter <committer@example.com>",
                      self.git("log", "-1", "--format=%B", where=clean))
        cover = self.get("build/series/2-second/0000-cover-letter.patch")
        for word in ("A subject of 2-second", "A body.", VERSION, "then the parts 1-first", "base-commit: ",
                     "prerequisite-patch-id: ", "To: list@example.org\n"):
            self.assertIn(word, cover)
        self.assertEqual(cover.count("list@example.org"), 1)

    def test_one_part(self):
        """one part of the patches can be had alone; a part that is not there is named with those that are"""
        self.make_series()
        self.works("patches", "--part", "2-second")
        self.assertEqual(os.listdir(os.path.join(self.directory, "build", "series")), ["2-second"])
        run = self.tool("patches", "--part", "3-third")
        self.assertNotEqual(run.returncode, 0)
        self.assertIn("1-first, 2-second", run.stdout)

    def test_harvest_again(self):
        """harvesting what was harvested changes nothing"""
        self.make_series()
        before = self.listing("top")
        self.assertIn("0 files written, 0 removed", self.works("harvest"))
        self.assertEqual(self.listing("top"), before)

    def test_overlay_shape(self):
        """one commit: <file>.patch; several: <file>.<topic>.patch; a new file lies whole; each commit in its part"""
        self.make_series()
        found = {name[len("top/"):] for name in self.listing("top")}
        self.assertEqual(found, {
            "series/1-first/COVER", "series/1-first/01-begin.commit", "series/1-first/02-go.commit",
            "series/2-second/COVER", "series/2-second/01-test-it.commit",
            "drivers/a.c.begin.patch", "drivers/a.c.go.patch", "drivers/Kconfig.patch", "drivers/n.c", "tools/new.sh"})
        self.assertIn("0 files written, 0 removed", self.works("harvest"))
        self.assertEqual(self.get("top/drivers/n.c"), self.get("build/linux/drivers/n.c"))
        self.assertTrue(os.access(os.path.join(self.top, "tools/new.sh"), os.X_OK))

    def test_no_author(self):
        """the repository names no author"""
        self.make_series()
        for name, (content, _) in self.listing("top").items():
            self.assertNotIn(b"example.com", content, name)

    def test_rework(self):
        """amend, reorder and drop in build/linux, then harvest: the overlay follows, topics stay"""
        self.make_series()
        self.git("reset", "-q", "--hard", "HEAD~1")
        self.edit("drivers/a.c", "a 50\n", "a 50!\n")
        self.edit("drivers/a.c", "a fifty\n", "a 50 and more\n")
        self.git("commit", "-q", "-a", "--amend", "--no-edit")
        self.works("harvest")
        before = self.trees()
        self.assertFalse(os.path.exists(os.path.join(self.top, "tools")))
        self.assertEqual(sorted(os.listdir(os.path.join(self.top, "series/1-first"))),
                         ["01-begin.commit", "02-go.commit", "COVER"])
        self.assertEqual(os.listdir(os.path.join(self.top, "series/2-second")), ["COVER"])
        shutil.rmtree(os.path.join(self.directory, "build"))
        self.works("tree")
        self.assertEqual(self.trees(), before)

    def test_edit_overlay(self):
        """an edit in the overlay reaches build/linux; files it does not concern keep their time stamps"""
        self.make_series()
        path = os.path.join(self.linux, "drivers/a.c")
        before = os.stat(path).st_mtime_ns
        self.put("top/drivers/n.c", self.get("top/drivers/n.c").replace("n 28\n", "n twenty-eight\n"))
        self.works("tree")
        self.assertIn("n twenty-eight\n", self.get("build/linux/drivers/n.c"))
        self.assertEqual(os.stat(path).st_mtime_ns, before)
        self.assertIn("0 files written", self.works("harvest"))

    def test_rename_topic(self):
        """renaming a .commit file renames its topic at the next harvest"""
        self.make_series()
        os.rename(os.path.join(self.top, "series/1-first/02-go.commit"),
                  os.path.join(self.top, "series/1-first/02-second.commit"))
        self.works("harvest")
        self.assertTrue(os.path.exists(os.path.join(self.top, "drivers/a.c.second.patch")))
        self.assertFalse(os.path.exists(os.path.join(self.top, "drivers/a.c.go.patch")))
        self.assertIn("0 files written", self.works("harvest"))

    def test_keeps_commits(self):
        """make tree keeps commits that were not harvested"""
        self.make_series()
        self.edit("drivers/a.c", "a 30\n", "a thirty\n")
        self.commit("driver: More")
        self.assertIn("not harvested", self.works("tree"))
        self.put("top/tools/new.sh", "#!/bin/sh\nexit 1\n")
        self.refuses("tree", "not harvested", "make harvest", "Nothing was touched")
        self.assertIn("a thirty", self.get("build/linux/drivers/a.c"))
        self.assertEqual(self.git("log", "-1", "--format=%s"), "driver: More")

    def test_keeps_changes(self):
        """make tree keeps changes that were not committed"""
        self.make_series()
        self.edit("drivers/a.c", "a 30\n", "a thirty\n")
        self.put("top/tools/new.sh", "#!/bin/sh\nexit 1\n")
        self.refuses("tree", "drivers/a.c", "not committed")
        self.assertIn("a thirty", self.get("build/linux/drivers/a.c"))

    def test_harvest_needs_commit(self):
        """harvest refuses what is not committed, and writes nothing"""
        self.make_series()
        before = self.listing("top")
        self.put("build/linux/drivers/stray.c", "stray\n")
        self.refuses("harvest", "drivers/stray.c")
        self.assertEqual(self.listing("top"), before)

    def test_both_changed(self):
        """harvest refuses to undo an edit of the overlay; after a rebase both are kept"""
        self.make_series()
        self.edit("drivers/a.c", "a 30\n", "a thirty\n")
        self.commit("driver: More")
        self.put("top/tools/new.sh", "#!/bin/sh\nexit 1\n")
        self.refuses("harvest", "rebase --onto overlay")
        self.assertIn("exit 1", self.get("top/tools/new.sh"))
        self.git("rebase", "-q", "--onto", "overlay", "refs/series/agreed")
        self.works("harvest")
        self.assertIn("exit 1", self.get("top/tools/new.sh"))
        self.assertIn("thirty", self.get("top/drivers/a.c.more.patch"))

    def test_new_file_changed(self):
        """a commit that changes what another one adds cannot be harvested, nor a patch beside a new file be read"""
        self.make_series()
        self.edit("drivers/n.c", "n 20\n", "n twenty\n")
        self.commit("driver: Mend")
        self.refuses("harvest", "driver: Mend", "drivers/n.c", "driver: Begin", "comes whole")
        self.git("reset", "-q", "--hard", "HEAD~1")
        self.put("top/drivers/n.c.mend.patch", "--- a/drivers/n.c\n+++ b/drivers/n.c\n@@ -1 +1 @@\n-n 0\n+n none\n")
        self.put("top/series/2-second/02-mend.commit", "driver: Mend\n---\ndrivers/n.c.mend.patch\n")
        self.refuses("tree", "drivers/n.c.mend.patch", "comes whole")

    def test_parts_in_order(self):
        """commits that stand against the order of their parts cannot be harvested; a new one joins the one before it"""
        self.make_series()
        self.put("build/linux/drivers/m.c", "m\n")
        self.commit("driver: More")
        self.works("harvest")
        self.assertTrue(os.path.exists(os.path.join(self.top, "series/2-second/02-more.commit")))
        head = self.git("rev-parse", "HEAD")
        self.git("reset", "-q", "--hard", "HEAD~3")
        self.git("cherry-pick", f"{head}~1", f"{head}~2")
        self.refuses("harvest", "driver: Go on", "tools: Test it", "order of the parts")

    def test_outside_of_parts(self):
        """a commit that lies in no part is refused"""
        self.make_series()
        self.put("top/series/04-lost.commit", "driver: Lost\n---\ndrivers/n.c\n")
        self.refuses("tree", "series/04-lost.commit", "in no part")

    def test_interrupted_harvest(self):
        """a harvest that the disk had no room for is finished by the next one"""
        self.make_series()
        before = self.listing("top")
        self.edit("drivers/a.c", "a 30\n", "a thirty\n")
        self.put("build/linux/drivers/big.c", "x\n" * 100000)
        self.commit("driver: More")
        tool = ["bash", "-c", "ulimit -f 150; trap '' XFSZ; exec \"$@\"", "sh"]
        self.assertIn("cannot write", self.tool("harvest", prefix=tool).stdout)
        self.assertNotEqual(self.listing("top"), before)
        self.refuses("tree", "make harvest")
        self.works("harvest")
        self.assertIn("0 files written", self.works("harvest"))
        self.works("tree")

    def test_failing_hunk(self):
        """a base whose lines differ: file, hunk and base version are named, build/linux stays"""
        self.make_series()
        head = self.git("rev-parse", "HEAD")
        self.put("base/drivers/a.c", BASE["drivers/a.c"].replace("a 51\n", "a fifty-one\n"))
        self.put("top/series/BASES", f"{VERSION}\nqemu 7.2\n")
        self.refuses("tree", "drivers/a.c.go.patch", "hunk 1 of 1", "linux-source-6.12 6.12.2-test", f"tested on {VERSION}",
                     version="linux-source-6.12 6.12.2-test")
        self.assertEqual(self.git("rev-parse", "HEAD"), head)

    def test_new_base(self):
        """a new point release whose lines only moved is taken"""
        self.make_series()
        self.put("base/drivers/a.c", "moved\n" * 9 + BASE["drivers/a.c"])
        self.works("tree", version="linux-source-6.12 6.12.2-test")
        self.assertIn("moved\n", self.get("build/linux/drivers/a.c"))
        self.assertIn("a fifty\n", self.get("build/linux/drivers/a.c"))

    def test_old_base(self):
        """a base that is older than series/OLDEST is refused with the reason; that release and later ones are taken"""
        self.make_series()
        head = self.git("rev-parse", "HEAD")
        self.put("top/series/OLDEST", "6.12.84\nReaders stop the host.\n")
        for old in ("6.12.83-1", "6.12.9-1", "6.11.100-1", "5.10.200-1"):
            for command in ("tree", "harvest", "patches"):
                self.refuses(command, f"{old} is too old", "6.12.84 or later", "Readers stop the host.",
                             version=f"linux-source-6.12 {old}")
        self.assertEqual(self.git("rev-parse", "HEAD"), head)
        for new in ("6.12.84-1", "6.12.117-1~deb12u1", "6.13-1", "7.3.1-1~bpo13+1"):
            self.works("tree", version=f"linux-source-6.12 {new}")

    def other(self, command, code=0):
        """The same for another base, in which a file has more lines before and one line that is different."""
        for path, text in BASE.items():
            self.put(f"other/{path}", text.replace("a 0\n", "b 0\nb 1\na 0\n").replace("a 51\n", "b 51\n"))
        run = self.tool(command, "--base", os.path.join(self.directory, "other"), "--name", "mainline",
                        version="linux-source-7.3 7.3.1-test")
        self.assertEqual((run.returncode, "Traceback" in run.stdout), (code, False), run.stdout)
        return run.stdout

    def other_commits(self):
        """What another base needs otherwise: one commit less, one more, a patch and lines of a new file of its own."""
        linux = os.path.join(self.directory, "build", "mainline", "linux")
        self.put("top/bases/mainline/DROPPED", "go: has it\n")
        self.other("tree")
        self.put("build/mainline/linux/drivers/n.c", "n of another\n" + self.get("build/mainline/linux/drivers/n.c"))
        self.git("commit", "-aq", "--fixup", "HEAD~1", where=linux)
        self.git("-c", "sequence.editor=true", "rebase", "-qi", "--autosquash", "HEAD~3", where=linux)
        self.put("build/mainline/linux/drivers/Kconfig", "config FIRST\n" + BASE["drivers/Kconfig"])
        self.git("commit", "-aqm", "driver: Fix another", where=linux)
        return linux

    def test_other_base(self):
        """another base: what applies at an offset is shared, its folder has the rest and gives the same trees again"""
        self.make_series()
        before = self.listing("top")
        self.assertIn("drivers/a.c.go.patch does not apply", self.other("tree", 1))
        linux = self.other_commits()
        self.other("harvest")
        trees = self.git("log", "--format=%T", where=linux)
        own = sorted(path for path in self.listing("top/bases"))
        self.assertEqual(own, [f"top/bases/mainline/{path}" for path in (
            "DROPPED", "drivers/Kconfig.patch", "drivers/n.c.patch", "series/2-second/01-fix-another.commit")])
        self.assertIn("\n+n of another\n", self.get("top/bases/mainline/drivers/n.c.patch"))
        self.assertEqual({path: what for path, what in self.listing("top").items() if "/bases/" not in path}, before)
        shutil.rmtree(os.path.join(self.directory, "build", "mainline"))
        self.other("tree")
        self.assertEqual(self.git("log", "--format=%T", where=linux), trees)
        self.assertIn("of its own: 2 lines", self.other("shared"))

    def test_other_base_follows(self):
        """another base takes over what changes in the series, and is not touched by a harvest of the default one"""
        self.make_series()
        self.other_commits()
        self.other("harvest")
        own = self.listing("top/bases")
        self.works("tree")
        self.edit("tools/new.sh", "exit 0", "exit 1")
        self.git("commit", "-aq", "--amend", "--no-edit")
        self.works("harvest")
        self.assertEqual(self.listing("top/bases"), own)
        self.other("tree")
        self.assertIn("exit 1", self.get("build/mainline/linux/tools/new.sh"))

    def test_other_base_says_why(self):
        """a commit that another base does not take needs a reason, and one that it takes must have none"""
        self.make_series()
        linux = self.other_commits()
        self.git("rebase", "-q", "--onto", "HEAD~2", "HEAD~1", where=linux)
        self.assertIn("write 'test-it: reason'", self.other("harvest", 1))
        self.put("top/bases/mainline/DROPPED", "go: has it\ntest-it:\n")
        self.assertIn("gives no reason for test-it", self.other("harvest", 1))
        self.put("top/bases/mainline/DROPPED", "go: has it\nno-such: has it\n")
        self.assertIn("no-such: no commit", self.other("harvest", 1))

    def try_base(self, change=lambda path, text: text, code=0, linux=None, name="6.12"):
        """What scripts/try-base says of the series on a Linux that has the files of BASE, changed, in a directory or a file."""
        for path, text in {**BASE, "Makefile": MAKEFILE}.items():
            self.put(f"newer/{path}", change(path, text))
        run = subprocess.run([os.path.join(tap.TOP, "scripts", "try-base"), "--top", self.top, "--name", name,
                              linux or os.path.join(self.directory, "newer")], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual((run.returncode, "Traceback" in run.stdout), (code, False), run.stdout)
        return run.stdout

    def test_try_base(self):
        """make try-base: a Linux whose lines are the same, or only moved"""
        self.make_series()
        same = self.try_base()
        self.assertIn("as it is  1-first/02-go\n", same)
        self.assertIn("Linux 7.9.1-rc2, the series of BASE=6.12: 3 as they are, 0 moved, 0 upstream by now, 0 fail", same)
        moved = self.try_base(lambda path, text: "b\nb\nb\n" * path.endswith("a.c") + text)
        self.assertIn("2-second/01-test-it\n", moved)
        self.assertIn("drivers/a.c.go.patch by up to 3 lines", moved)
        self.assertIn(": 1 as they are, 2 moved, 0 upstream by now, 0 fail", moved)

    def test_try_base_fails(self):
        """make try-base: a Linux that changed what the series changes, or has a file of the same name; the rest is tried"""
        self.make_series()
        self.put("newer/tools/new.sh", "another\n")
        text = self.try_base(lambda path, text: text.replace("a 51\n", "b 51\n"), 1)
        for words in ("as it is  1-first/01-begin", "FAILS     1-first/02-go", "drivers/a.c.go.patch does not apply",
                      "hunk 1 of 1 failed: @@ -48", "tools/new.sh is there, another file", ": 1 as they are", "2 fail"):
            self.assertIn(words, text)

    def test_try_base_again(self):
        """make try-base: what fails because an earlier commit does not apply says so, and what is there of it"""
        self.make_series()
        self.edit("drivers/a.c", "a 51\n", "a 51\nthis is a line of some length\n")
        self.commit("driver: More")
        self.works("harvest")
        text = self.try_base(lambda path, text: text.replace("a 51\n", "b 51\nthis is a line of some length\n"), 1)
        self.assertIn("so did an earlier one of this file", text)
        self.assertIn("1 of 1 lines that it adds are there", text)

    def test_try_base_upstream(self):
        """make try-base: a Linux that has a commit of the series, as it is or at another place, and one that has a part"""
        self.make_series()
        self.put("top/tools/run.sh.long.patch", "--- a/tools/run.sh\n+++ b/tools/run.sh\n@@ -1 +1,2 @@\n #!/bin/sh\n"
                                                "+echo this is a line that nobody writes twice\n")
        self.put("top/series/2-second/02-long.commit", "tools: Long\n---\ntools/run.sh.long.patch\n")
        text = self.try_base(lambda path, text: text.replace("a 5\n", "a five\n").replace("a 50\n", "a fifty\n"), 0)
        self.assertIn("drivers/a.c.go.patch applies when it is taken back", text)
        self.assertIn("as it is  1-first/02-go", text)
        text = self.try_base(lambda path, text: text.replace(
            "sh\n", "sh\nset -e\necho this is a line that nobody writes twice\n"))
        self.assertIn("upstream  2-second/02-long", text)
        self.assertIn("what it adds is there", text)
        self.assertIn("1 upstream by now", text)

    def test_try_base_short(self):
        """make try-base: lines that any file has do not make a commit upstream"""
        self.make_series()
        text = self.try_base(lambda path, text: text + "a five\na fifty\nconfig NEW\n")
        self.assertIn(" 0 upstream by now, 0 fail", text)

    def test_try_base_order(self):
        """make try-base: a commit that changes the order of lines is not upstream because they are there"""
        lines = ["#!/bin/sh", "echo this is a line that nobody writes twice", "echo b", "echo c", "echo d", "echo e"]
        self.make_series()
        self.put("top/tools/run.sh.order.patch", "--- a/tools/run.sh\n+++ b/tools/run.sh\n@@ -1,5 +1,5 @@\n #!/bin/sh\n"
                 f"-{lines[1]}\n echo b\n echo c\n+{lines[1]}\n echo d\n")
        self.put("top/series/2-second/02-order.commit", "tools: Order\n---\ntools/run.sh.order.patch\n")
        text = self.try_base(lambda path, text: "\n".join(lines) + "\n" if path.endswith("run.sh") else text)
        self.assertIn("as it is  2-second/02-order", text)

    def test_try_base_other(self):
        """make try-base: what another base has instead is what is tried with it"""
        self.make_series()
        self.other_commits()
        self.other("harvest")
        text = self.try_base(lambda path, text: text.replace("a 51\n", "b 51\n"), name="mainline")
        self.assertIn("2-second/01-fix-another", text)
        self.assertNotIn("1-first/02-go", text)

    def test_try_base_archive(self):
        """make try-base: a tarball of a Linux, what is none, and no such thing"""
        self.make_series()
        expected, archive = self.try_base(), os.path.join(self.directory, "newer.tar.xz")
        subprocess.run(["tar", "-C", self.directory, "-cJf", archive, "newer"], check=True)
        self.assertEqual(self.try_base(linux=archive), expected)
        self.assertIn("is no Linux", self.try_base(linux=os.path.join(self.directory, "base"), code=1))
        self.assertIn("cannot be unpacked", self.try_base(linux=os.path.abspath(__file__), code=1))

    def test_orphan(self):
        """an overlay file that no commit takes is refused"""
        self.make_series()
        self.put("top/drivers/orphan.c", "orphan\n")
        self.refuses("tree", "drivers/orphan.c")

    def test_missing(self):
        """a commit that takes a path that is not there is refused"""
        self.make_series()
        os.unlink(os.path.join(self.top, "drivers/Kconfig.patch"))
        self.refuses("tree", "drivers/Kconfig.patch", "02-go.commit")

    def test_whole_upstream_file(self):
        """a file of the base is refused whole"""
        self.make_series()
        self.put("top/tools/run.sh", "#!/bin/sh\n")
        self.put("top/series/2-second/04-bad.commit", "bad: Bad\n---\ntools/run.sh\n")
        self.refuses("tree", "tools/run.sh", "tools/run.sh.patch")

    def test_deletion(self):
        """a commit that deletes a file of the base cannot be harvested"""
        self.make_series()
        self.git("rm", "-q", "drivers/Kconfig")
        self.commit("driver: Delete")
        self.refuses("harvest", "deletes drivers/Kconfig")

    def test_own_directory(self):
        """a commit that changes scripts/ cannot be harvested"""
        self.make_series()
        self.put("build/linux/scripts/x", "x\n")
        self.commit("scripts: X")
        self.refuses("harvest", "scripts/x")

    def test_three_dashes(self):
        """a message that git am would cut cannot be harvested"""
        self.make_series()
        self.edit("drivers/a.c", "a 30\n", "a thirty\n")
        self.commit("driver: More\n\nbefore\n---\nafter")
        self.refuses("harvest", "three dashes")

    def test_no_identity(self):
        """patches of nobody say that they are not signed off"""
        self.make_series()
        environment = {key: value for key, value in self.environment.items()
                       if not key.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))}
        self.assertIn("Not signed off", self.works("patches", environment={**environment, "EMAIL": ""}))
        self.assertNotIn("Signed-off-by", self.get("build/series/1-first/0001-driver-Begin.patch"))

    def test_rebase_pending(self):
        """harvest and tree leave a rebase that is not finished alone"""
        self.make_series()
        os.makedirs(os.path.join(self.linux, ".git", "rebase-merge"))
        self.refuses("harvest", "rebase")
        self.put("top/tools/new.sh", "#!/bin/sh\nexit 1\n")
        self.refuses("tree", "rebase")


tap.main()
