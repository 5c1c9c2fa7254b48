// SPDX-License-Identifier: GPL-2.0
/* nvlink2: NVLink2 GPUs of POWER9 machines, and what it takes to hand them to guests. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "files.h"
#include "lock.h"

#define PACKAGED_QEMU "/usr/bin/qemu-system-ppc64-nvlink2"

static const char usage[] =
	"Usage: nvlink2 COMMAND [OPTION]... [WHAT]...\n"
	"\n"
	"  list [--json|--svg]    sockets, GPUs, links, groups and who has them\n"
	"  check [--json]         whether GPUs can be given to guests, and what to do if not\n"
	"  bind [--boot] WHAT     give whole groups to vfio-pci, for guests\n"
	"  unbind [--boot] WHAT   give whole groups back to this machine's drivers\n"
	"  qemu WHAT [-- ARGS]    a command line of QEMU for a guest with these GPUs\n"
	"  libvirt WHAT           a domain of libvirt with these GPUs, as XML\n"
	"\n"
	"WHAT is a slot (GPU0), an address (0004:04:00.0), a group (a number) or 'all'.\n"
	"\n"
	"  --boot                 bind, unbind: at each start of the machine as well\n"
	"  --dry-run              bind, unbind: only say what would be done\n"
	"  --memory SIZE          qemu, libvirt, check: memory of the guest, 16G unless given\n"
	"  --cpus N               qemu, libvirt: processors of the guest, 4 unless given\n"
	"  --machine TYPE         qemu, libvirt: machine type, pseries unless given\n"
	"  --name NAME            qemu, libvirt: name of the guest, nvlink2 unless given\n"
	"  --qemu FILE            qemu, libvirt, check: the QEMU to use\n"
	"  --root DIR             look at DIR/sys, DIR/proc and so on instead of this machine\n"
	"  --help, --version\n";

enum { JSON = 256, SVG, BOOT, DRY_RUN, MEMORY, CPUS, MACHINE, NAME, QEMU, ROOT, HELP, VERSION_ };

static const struct option long_options[] = {
	{ "json", no_argument, NULL, JSON }, { "svg", no_argument, NULL, SVG },
	{ "boot", no_argument, NULL, BOOT }, { "dry-run", no_argument, NULL, DRY_RUN },
	{ "memory", required_argument, NULL, MEMORY }, { "cpus", required_argument, NULL, CPUS },
	{ "machine", required_argument, NULL, MACHINE }, { "name", required_argument, NULL, NAME },
	{ "qemu", required_argument, NULL, QEMU },
	{ "root", required_argument, NULL, ROOT }, { "help", no_argument, NULL, HELP },
	{ "version", no_argument, NULL, VERSION_ }, { 0 },
};

static const struct command {
	const char *name;
	int (*run)(const struct machine *machine, const struct options *options);
	/* Options that mean something to it, as bits */
	unsigned long options;
	bool without_words, changes;
} commands[] = {
#define OPTION(name) (1ul << ((name) - JSON))
	{ "list", command_list, OPTION(JSON) | OPTION(SVG), .without_words = true },
	{ "check", command_check, OPTION(JSON) | OPTION(MEMORY) | OPTION(QEMU), .without_words = true },
	{ "bind", command_bind, OPTION(BOOT) | OPTION(DRY_RUN), .changes = true },
	{ "unbind", command_unbind, OPTION(BOOT) | OPTION(DRY_RUN), .changes = true },
	{ "qemu", command_qemu, OPTION(MEMORY) | OPTION(CPUS) | OPTION(MACHINE) | OPTION(NAME) | OPTION(QEMU), .changes = false },
	{ "libvirt", command_libvirt, OPTION(MEMORY) | OPTION(CPUS) | OPTION(MACHINE) | OPTION(NAME) | OPTION(QEMU), .changes = false },
};
#define ALWAYS (OPTION(ROOT) | OPTION(HELP) | OPTION(VERSION_))

/* QEMU refuses other sizes (SPAPR_MEMORY_BLOCK_SIZE) */
#define MEMORY_BLOCK (256ull << 20)

/* Return: bytes, 0 for what is not a size. */
static unsigned long long parse_size(const char *text)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 10);
	int shift = *end == 'T' ? 40 : *end == 'G' ? 30 : *end == 'M' ? 20 : -1;

	if (text[0] < '0' || text[0] > '9' || shift < 0 || end[1] || value >> 20)
		return 0;
	return value << shift;
}

static int parse_count(const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);

	return *end || value < 1 || value > 4096 ? 0 : value;
}

/* What goes into a command line and into XML */
static bool is_word(const char *text)
{
	return *text && text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._=,+/-")] == 0;
}

/* What divides QEMU's options and paths is no part of a name */
static bool is_name(const char *text)
{
	return is_word(text) && !text[strcspn(text, ",=/+")];
}

static bool take_word(const char **word, const char *option, bool (*is_good)(const char *text))
{
	if (!is_good(optarg)) {
		fprintf(stderr, "nvlink2: --%s: '%s' has characters that nothing is called by\n", option, optarg);
		return false;
	}
	*word = optarg;
	return true;
}

static bool say_wrong(const char *why)
{
	fprintf(stderr, "nvlink2: '%s': %s\n", optarg, why);
	return false;
}

static bool take_numbers(struct options *options, int option)
{
	if (option == MEMORY)
		options->memory = parse_size(optarg);
	else
		options->cpus = parse_count(optarg);
	if (options->memory % MEMORY_BLOCK)
		return say_wrong("memory of a pseries guest comes in blocks of 256M: 512M, 16G");
	if (options->memory && options->cpus)
		return true;
	return say_wrong(option == MEMORY ? "a size is a number with M, G or T: 16G" : "a number of processors is 1 to 4096");
}

static bool take_option(struct options *options, int option)
{
	switch (option) {
	case JSON:
		return options->json = true;
	case SVG:
		return options->svg = true;
	case BOOT:
		return options->boot = true;
	case DRY_RUN:
		return options->dry_run = true;
	case MEMORY:
	case CPUS:
		return take_numbers(options, option);
	case MACHINE:
		return take_word(&options->machine, "machine", is_word);
	case NAME:
		return take_word(&options->name, "name", is_name);
	case QEMU:
		return take_word(&options->qemu, "qemu", is_word);
	case ROOT:
		files_set_root(optarg);
		return true;
	default:
		return option == HELP || option == VERSION_;
	}
}

static int refuse(const char *format, ...) PRINTF(1, 2);

static int refuse(const char *format, ...)
{
	va_list args;

	fputs("nvlink2: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("; see nvlink2 --help\n", stderr);
	return EXIT_USAGE;
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int finish(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	fputs("nvlink2: the output could not be written\n", stderr);
	return EXIT_FAILED;
}

static int run(const struct command *command, const struct options *options)
{
	struct machine machine;
	int status;

	machine_read(&machine);
	status = command->run(&machine, options);
	machine_free(&machine);
	return status;
}

static int say_no_lock(int error)
{
	fprintf(stderr, "nvlink2: " LOCK ": %s%s\n", strerror(error),
		error == EACCES || error == EPERM ? "; only root may" : "");
	return EXIT_FAILED;
}

/* The lock comes first: who has waited for it must see what the other one has made of the machine */
static int run_locked(const struct command *command, const struct options *options)
{
	int lock = lock_take(), error = errno, status;
	struct machine machine;

	if (lock >= 0) {
		status = run(command, options);
		lock_release(lock);
		return status;
	}
	machine_read(&machine);
	status = machine_has_nvlink2(&machine) ? say_no_lock(error) : command->run(&machine, options);
	machine_free(&machine);
	return status;
}

/* QEMU's own arguments: getopt must not see them. Return: NULL when there are none. */
static char **cut_arguments(int *argc, char **argv)
{
	int i;

	for (i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--"))
			continue;
		argv[i] = NULL;
		*argc = i;
		return argv + i + 1;
	}
	return NULL;
}

static int dispatch(struct options *options, char **words, unsigned long given)
{
	const struct command *command;

	if (given & OPTION(HELP))
		return fputs(usage, stdout), finish(EXIT_GOOD);
	if (given & OPTION(VERSION_))
		return puts("nvlink2 " VERSION), finish(EXIT_GOOD);
	if (!*words)
		return refuse("no command given");
	command = find_command(*words);
	if (!command)
		return refuse("there is no command '%s'", *words);
	if (given & ~(command->options | ALWAYS) || (options->argument && command->run != command_qemu))
		return refuse("an option means nothing to '%s'", command->name);
	options->word = words + 1;
	if (command->without_words && *options->word)
		return refuse("'%s' is one word too many", *options->word);
	if (!command->without_words && !*options->word)
		return refuse("'%s' needs to know what: GPU0, an address, a group, all", command->name);
	if (command->changes && !options->dry_run)
		return finish(run_locked(command, options));
	return finish(run(command, options));
}

/* The one of the package that installs beside the QEMU of the distribution */
static void choose_qemu(struct options *options)
{
	if (!options->qemu && file_exists(PACKAGED_QEMU))
		options->qemu = PACKAGED_QEMU;
}

int main(int argc, char **argv)
{
	struct options options = { .memory = 16ull << 30, .cpus = 4, .machine = "pseries", .name = "nvlink2" };
	unsigned long given = 0;
	int option;

	options.argument = cut_arguments(&argc, argv);
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		option = option == 'h' ? HELP : option;
		if (option == '?' || !take_option(&options, option))
			return EXIT_USAGE;
		given |= OPTION(option);
	}
	choose_qemu(&options);
	return dispatch(&options, argv + optind, given);
}
