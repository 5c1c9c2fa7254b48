# SPDX-License-Identifier: GPL-2.0
# What became of each case, from what the tests print: "@ run NAME", TAP, "@ status N".
#
# form=line: a line for the program "program"; form=text: all cases; form=json: the report, with the other variables

function quoted(text,    i, c, out) {
	for (i = 1; i <= length(text); i++) {
		c = substr(text, i, 1)
		out = out (c == "\\" || c == "\"" ? "\\" c : c < " " ? " " : c)
	}
	return "\"" out "\""
}

function add(name, result, why) {
	cases++
	of[cases] = programs
	name_of[cases] = name
	result_of[cases] = result
	why_of[cases] = why
	count[programs, result]++
	current = reason = ""
}

# Of a program that ended within a case
function end_program(status) {
	if (current != "")
		add(current, "fail", "the program ended in this case, with status " status)
	else if (planned != "" && planned != cases_of(programs))
		add("all_cases_run", "fail", cases_of(programs) " of " planned " cases ran, status " status)
	else if (planned == "")
		add("all_cases_run", "fail", "the program did not run, status " status)
	ended[programs] = status
}

/^@ run / {
	programs++
	program_name[programs] = $3
	current = reason = planned = ""
	next
}

/^@ status / { end_program($3); next }
/^1\.\.[0-9]+$/ { planned = substr($0, 4) + 0; next }

/^1\.\.0 # SKIP/ {
	planned = 1
	add("all", "skip", substr($0, index($0, "# SKIP") + 7))
	next
}

/^# *RUN / { current = $3; next }
/^# [^ ]+\.c:[0-9]+:/ { if (reason == "") reason = substr($0, 3); next }
# What nvlink2_copy measured
/^# .* over (PCIe|NVLink), / { note[programs] = note[programs] substr($0, 3) "\n"; next }

/^(not )?ok [0-9]+ / {
	failed = /^not/
	sub(/^(not )?ok [0-9]+ /, "")
	at = index($0, "# SKIP")
	name = $1
	if (at)
		add(name, "skip", substr($0, at + 7))
	else
		add(name, failed ? "fail" : "pass", failed ? reason : "")
}

function counts(p) {
	return count[p, "pass"] + 0 " passed, " count[p, "skip"] + 0 " skipped, " count[p, "fail"] + 0 " failed"
}

function print_text(    p, i) {
	for (p = 1; p <= programs; p++) {
		print "\n" program_name[p] ": " counts(p)
		for (i = 1; i <= cases; i++)
			if (of[i] == p)
				print "  " result_of[i] "  " name_of[i] (why_of[i] == "" ? "" : ": " why_of[i])
		printf "%s", note[p]
	}
}

function print_case(i, last) {
	printf "        {\"name\": %s, \"result\": %s", quoted(name_of[i]), quoted(result_of[i])
	if (why_of[i] != "")
		printf ", \"reason\": %s", quoted(why_of[i])
	print "}" (last ? "" : ",")
}

function print_json(    p, i, left) {
	print "{\n  \"kit\": " quoted(kit) ",\n  \"begun\": " quoted(begun) ",\n  \"ended\": " quoted(finished) ","
	print "  \"machine\": {\"model\": " quoted(model) ", \"firmware\": " quoted(firmware) ", \"kernel\": " quoted(kernel) "},"
	print "  \"interrupted\": " interrupted ",\n  \"restored\": " restored ",\n  \"programs\": ["
	for (p = 1; p <= programs; p++) {
		print "    {\"name\": " quoted(program_name[p]) ", \"status\": " (ended[p] == "" ? "null" : ended[p] + 0) ", \"cases\": ["
		left = cases_of(p)
		for (i = 1; i <= cases; i++)
			if (of[i] == p)
				print_case(i, !--left)
		print "    ]}" (p < programs ? "," : "")
	}
	print "  ]\n}"
}

function cases_of(p) {
	return count[p, "pass"] + count[p, "fail"] + count[p, "skip"]
}

END {
	if (current != "")
		add(current, "skip", "interrupted")
	if (form == "line")
		print program_name[programs] ": " counts(programs)
	else if (form == "json")
		print_json()
	else
		print_text()
}
