#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 3300
"""The program nvlink2 in the emulated host, on both boards: what it lists and checks, before, while and after a guest
has a GPU; bind and unbind; and the guest is started by the command line that it prints.
"""

import tap
from tool import judge, observe

BOARDS = ("4gpu", "6gpu")


def judge_boards():
    results = []
    for board in BOARDS:
        for result in judge(observe(board, tap.log(f"tool-{board}"), 1600), board):
            result.name = f"{board}: {result.name}"
            results.append(result)
    return results


tap.job(judge_boards, tap.log(f"tool-{BOARDS[0]}"))
