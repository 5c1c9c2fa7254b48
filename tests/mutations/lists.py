# SPDX-License-Identifier: GPL-2.0
"""All mutations; those that need the same parts to be built anew are together."""

import consumer
import judges
import model
import owners
import programs
import series

ALL = [*series.MUTATIONS, *consumer.MUTATIONS, *programs.MUTATIONS, *model.MUTATIONS, *judges.MUTATIONS, *owners.MUTATIONS]
