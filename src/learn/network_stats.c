#include "dayshift/network_stats.h"

#include <stdlib.h>
#include <string.h>

void network_stats_init(struct network_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    tally_init(&stats->states);
    tally_init(&stats->initial);
    tally_init(&stats->transitions);
    tally_init(&stats->gaps);
    tally_init(&stats->volumes);
    tally_init(&stats->bytes);
    tally_init(&stats->initiator_ports);
    tally_init(&stats->responder_ports);
    tally_init(&stats->peers);
    tally_init(&stats->active);
    tally_init(&stats->coverage);
    tally_init(&stats->services);
    tally_init(&stats->applications);
}

void network_stats_release(struct network_stats *stats)
{
    for (size_t i = 0; i < stats->services.used; i++) {
        for (size_t k = 0; k < stats->samples[i].used; k++)
            free(stats->samples[i].rows[k].sequence);
        free(stats->samples[i].rows);
    }
    free(stats->samples);
    free(stats->conditions);
    for (size_t i = 0; i < stats->application_count; i++)
        free(stats->application_names[i]);
    free(stats->application_names);
    free(stats->host_tags);
    free(stats->outside_tags);
    free(stats->activity);
    tally_release(&stats->states);
    tally_release(&stats->initial);
    tally_release(&stats->transitions);
    tally_release(&stats->gaps);
    tally_release(&stats->volumes);
    tally_release(&stats->bytes);
    tally_release(&stats->initiator_ports);
    tally_release(&stats->responder_ports);
    tally_release(&stats->peers);
    tally_release(&stats->active);
    tally_release(&stats->coverage);
    tally_release(&stats->services);
    tally_release(&stats->applications);
}
