#include "cli/synth_options.h"

#include <getopt.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"

static const char help[] =
    "Usage: dayshift synth -o FILE -n N [OPTION]... MODEL\n"
    "       dayshift synth -o FILE -n N --mix ID:WEIGHT,... [OPTION]... [MODEL]\n"
    "       dayshift synth -o FILE --for DURATION [OPTION]... MODEL\n"
    "\n"
    "Synthesizes flow records: N of one host or of many, one flow of a host after the other; or\n"
    "those of a day of all hosts, which are the flows that 'dayshift day' makes packets of.\n"
    "The same options give the same bytes.\n"
    "\n"
    "  -o, --output FILE      the file to write; '-' is standard output\n"
    "      --format FORMAT    csv (nfdump's layout, default), json (lines with the keys of\n"
    "                         Zeek's conn.log) or nfcapd (what nfdump reads)\n"
    "  -n, --records N        that many records\n"
    "      --host ID,...      of these hosts (default: all)\n"
    "      --mix LIST         of one host that behaves now as one model, now as another:\n"
    "                         3:0.7,5:0.3 or office.dsm#3:0.7,home.dsm#5:0.3\n"
    "      --block C          flows until the model is drawn again (default 50);\n"
    "                         random:C draws a number with the mean C each time\n"
    "      --keep-addresses   each host of a mixture keeps its own address\n"
    "      --for DURATION     all flows of so much of the day\n"
    "      --activity X       with --for, X times as many flows\n"
    "      --hosts N          virtual hosts (default: as many as are picked)\n"
    "      --pick HOSTS       which hosts of the model are played, as for 'dayshift day'\n"
    "      --network NETWORK  their addresses, as for 'dayshift day' (default " SCENARIO_DEFAULT_NETWORK ")\n"
    "      --outside NETWORK  addresses of the rest of the world (default " SCENARIO_DEFAULT_OUTSIDE ")\n"
    "      --date DATE        the day (default: the first day that was learned)\n"
    "      --start TIME       begin at this time of day (default 00:00)\n"
    "      --timezone ZONE    where the day is (Europe/Madrid); records are in UTC all the same\n"
    "      --seed N           another seed, other flows (default 1)\n"
    "      --unobserved HOW   with --for, hours that the capture did not cover: as for 'dayshift day'\n"
    "  -j, --jobs N           threads; the file is the same for any number (default 1)\n"
    "      --json             the summary as JSON\n"
    "  -q, --quiet            no progress and no summary\n"
    "  -h, --help             this text\n";

enum { MAX_RECORDS = 1000000000 };

static const struct option long_options[] = {
    { "output", required_argument, NULL, 'o' },  { "format", required_argument, NULL, 'F' },
    { "records", required_argument, NULL, 'n' }, { "host", required_argument, NULL, 'H' },
    { "mix", required_argument, NULL, 'm' },     { "block", required_argument, NULL, 'b' },
    { "keep-addresses", no_argument, NULL, 'k' }, SCENARIO_LONG_OPTIONS,
    { "json", no_argument, NULL, 'J' },          { "quiet", no_argument, NULL, 'q' },
    { "help", no_argument, NULL, 'h' },          { 0 },
};

static int take_mix(struct synth_options *o, const char *text, struct error *err)
{
    mix_option_release(&o->mix); /* given twice: the last one counts */
    return mix_option_parse(&o->mix, text, err);
}

/* Takes one option; 0, or -1 with *err. */
static int take_option(void *self, int c, char *value, struct error *err)
{
    struct synth_options *o = self;

    switch (c) {
    case 'o': o->output = value; return 0;
    case 'F': return option_record_encoding("--format", value, &o->encoding, err);
    case 'n': return option_u64("--records", value, 1, MAX_RECORDS, &o->records, err);
    case 'H': o->hosts = value; return 0;
    case 'm': return take_mix(o, value, err);
    case 'b': o->has_block = true; return block_option_parse(value, &o->block, &o->block_is_random, err);
    case 'k': o->keeps_addresses = true; return 0;
    case 'j': return scenario_options_take(&o->play, SCENARIO_OPTION_JOBS, value, err);
    case 'J': o->json = true; return 0;
    case 'q': o->quiet = true; return 0;
    default: return scenario_options_take(&o->play, c, value, err);
    }
}

/* What does not go together; NULL: nothing. */
static const char *find_misuse(const struct synth_options *o, int models)
{
    bool is_mix = o->mix.count > 0;
    bool is_day = o->play.scenario.day_ns > 0;

    if (o->output == NULL)
        return "an output file (-o) is needed";
    if ((o->records > 0) == is_day)
        return "either a number of records (-n) or a duration (--for) is needed";
    if (is_mix && (is_day || o->hosts || o->play.group.hosts > 0 || o->play.group.pick))
        return "--mix goes with -n, and names its hosts itself";
    if (is_day && o->hosts)
        return "--host goes with -n; a day (--for) is one of all hosts";
    if (!is_mix && (o->has_block || o->keeps_addresses))
        return "--block and --keep-addresses are of a mixture (--mix)";
    if (!is_day && (o->play.has_unobserved || o->play.group.activity > 0))
        return "--unobserved and --activity are of a day (--for)";
    if (o->json && strcmp(o->output, "-") == 0)
        return "--json and the records cannot both go to standard output";
    if (models > 1 || (models == 0 && (!is_mix || mix_option_needs_model(&o->mix))))
        return "one model is needed";
    return NULL;
}

int synth_options_parse(struct synth_options *o, int argc, char **argv)
{
    const struct option_reader reader = { help, "o:n:j:qh", long_options, take_option, o };
    const char *wrong;
    int status;

    *o = (struct synth_options){ .encoding = record_encoding_find("csv"), .block = 50 };
    scenario_options_init(&o->play);
    status = options_read(&reader, argc, argv);
    if (status != EXIT_OK)
        return status;
    wrong = find_misuse(o, argc - optind);
    return wrong != NULL ? options_misused("synth", wrong) : EXIT_OK;
}

void synth_options_release(struct synth_options *o)
{
    mix_option_release(&o->mix);
}
