// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "array.h"
#include "findings.h"
#include "json.h"

void findings_add(struct findings *findings, enum verdict verdict, const char *about, const char *advice,
		  const char *format, ...)
{
	struct finding *finding = ARRAY_ADD(findings->finding, findings->count);
	va_list args;

	findings->of[verdict]++;
	finding->verdict = verdict;
	finding->about = about;
	if (verdict != GOOD && advice)
		snprintf(finding->advice, sizeof(finding->advice), "%s", advice);
	va_start(args, format);
	vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
}

void findings_print(const struct findings *findings)
{
	static const char *const words[] = { "ok", "note", "FAILED" };
	const struct finding *finding;

	for (finding = findings->finding; finding < findings->finding + findings->count; finding++) {
		printf("%-7s %-10s %s\n", words[finding->verdict], finding->about, finding->text);
		if (*finding->advice)
			printf("        -> %s\n", finding->advice);
	}
	printf("%u good, %u to note, %u failed\n", findings->of[GOOD], findings->of[NOTE], findings->of[BAD]);
}

static struct json_object *finding_json(const struct finding *finding)
{
	static const char *const words[] = { "good", "note", "failed" };
	struct json_object *object = json_object_new_object();

	json_put_text(object, "verdict", words[finding->verdict]);
	json_put_text(object, "about", finding->about);
	json_put_text(object, "text", finding->text);
	json_put_text(object, "advice", finding->advice);
	return object;
}

bool findings_json(const struct findings *findings, const struct machine *machine, bool other_kernel)
{
	struct json_object *object = json_begin(machine), *array = json_object_new_array();
	size_t i;

	for (i = 0; i < findings->count; i++)
		json_object_array_add(array, finding_json(&findings->finding[i]));
	json_put(object, "findings", array);
	json_put_number(object, "good", findings->of[GOOD]);
	json_put_number(object, "to_note", findings->of[NOTE]);
	json_put_number(object, "failed", findings->of[BAD]);
	json_put(object, "needs_other_kernel", json_object_new_boolean(other_kernel));
	return json_end(object);
}

void findings_free(struct findings *findings)
{
	free(findings->finding);
}
