#include "cli/crowds.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "eval/model_compare.h"
#include "learn/fit.h"
#include "learn/host_behaviours.h"

/* ---- fidelity ---- */

static void add_member(struct crowd_fidelity *sum, const struct behaviour *member,
                       const struct behaviour *crowd, const struct volume_curve *crowd_volumes)
{
    double divergence = behaviour_divergence(member, crowd);
    struct volume_curve volumes;
    double volume;

    volume_curve_init(&volumes, member);
    volume = volume_curve_distance(&volumes, crowd_volumes);
    sum->members++;
    sum->mean_divergence += divergence;
    sum->mean_volume += volume;
    sum->largest_divergence = fmax(sum->largest_divergence, divergence);
    sum->largest_volume = fmax(sum->largest_volume, volume);
}

static void measure(struct crowds *crowds, const struct behaviour *hosts, uint32_t host_count)
{
    struct network_fit fit;
    struct behaviour *all;
    struct volume_curve *volumes = memory_alloc_array(crowds->count, sizeof *volumes);

    network_fit_init(&fit, &crowds->stats);
    all = host_behaviours_new(&crowds->stats, fit.packets);
    for (uint32_t i = 0; i < crowds->count; i++)
        volume_curve_init(&volumes[i], &all[i]);
    crowds->fidelity = memory_alloc_array(crowds->count, sizeof *crowds->fidelity);
    for (uint32_t i = 0; i < host_count; i++) {
        if (hosts[i].state_count > 0)
            add_member(&crowds->fidelity[crowds->crowd[i]], &hosts[i], &all[crowds->crowd[i]],
                       &volumes[crowds->crowd[i]]);
    }
    for (uint32_t i = 0; i < crowds->count; i++) {
        struct crowd_fidelity *f = &crowds->fidelity[i];

        f->mean_divergence /= f->members > 0 ? f->members : 1;
        f->mean_volume /= f->members > 0 ? f->members : 1;
    }
    host_behaviours_free(all, crowds->count);
    free(volumes);
    network_fit_release(&fit);
}

/* ---- the making ---- */

static int make_of(struct crowds *crowds, const struct network_stats *hosts,
                   const struct behaviour *behaviours, uint32_t least, struct error *err)
{
    int count;

    crowds->crowd = memory_alloc_array(hosts->host_count, sizeof *crowds->crowd);
    count = host_behaviours_crowds(hosts, behaviours, least, crowds->crowd, err);
    if (count < 0)
        return error_prefix(err, "--crowd");
    crowds->count = (uint32_t)count;
    if (crowd_stats_add(&crowds->stats, hosts, crowds->crowd, crowds->count, least, &crowds->counts, err) < 0)
        return error_prefix(err, "--crowd");
    if (crowds->stats.states.used == 0)
        return error_set(err, "--crowd: no state that %" PRIu32 " hosts of a crowd have in common is left",
                         least);
    measure(crowds, behaviours, hosts->host_count);
    return 0;
}

int crowds_make(struct crowds *crowds, const struct network_stats *hosts, uint32_t least, struct error *err)
{
    struct network_fit fit;
    struct behaviour *behaviours;
    int status;

    memset(crowds, 0, sizeof *crowds);
    network_stats_init(&crowds->stats);
    if (crowd_stats_check(hosts, err) < 0)
        return error_prefix(err, "--crowd");
    network_fit_init(&fit, hosts);
    behaviours = host_behaviours_new(hosts, fit.packets);
    status = make_of(crowds, hosts, behaviours, least, err);
    host_behaviours_free(behaviours, hosts->host_count);
    network_fit_release(&fit);
    return status;
}

void crowds_release(struct crowds *crowds)
{
    network_stats_release(&crowds->stats);
    free(crowds->crowd);
    free(crowds->fidelity);
    memset(crowds, 0, sizeof *crowds);
}

/* ---- what is said of them ---- */

static double kept_share(const struct crowds *crowds)
{
    return crowds->counts.flows > 0 ? (double)crowds->counts.kept_flows / (double)crowds->counts.flows : 0;
}

void crowds_print(const struct crowds *crowds, uint32_t least)
{
    char number[2][TEXT_NUMBER];

    printf("crowds   %" PRIu32 " of at least %" PRIu32 " hosts; what fewer did is left out or counted with"
           " others:\n", crowds->count, least);
    printf("         %.1f %% of flows, %s of %s states, %" PRIu64 " of %" PRIu64 " services are kept\n",
           100 * kept_share(crowds), text_from_count(crowds->counts.kept_states, number[0]),
           text_from_count(crowds->counts.states, number[1]), crowds->counts.kept_services,
           crowds->counts.services);
    printf("         crowd  members  divergence of states  (largest)  of volumes  (largest)\n");
    for (uint32_t i = 0; i < crowds->count; i++) {
        const struct crowd_fidelity *f = &crowds->fidelity[i];

        printf("         %5" PRIu32 "  %7" PRIu32 "  %20.3f  %9.3f  %10.3f  %9.3f\n", i,
               crowds->stats.host_members[i], f->mean_divergence, f->largest_divergence, f->mean_volume,
               f->largest_volume);
    }
}

/* A crowd that lost all its states has no volumes either: no number is the distance from it. */
static json_t *finite_json(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *fidelity_json(const struct crowds *crowds, uint32_t i)
{
    const struct crowd_fidelity *f = &crowds->fidelity[i];

    return json_pack("{s:I,s:I,s:f,s:f,s:o,s:o}", "crowd", (json_int_t)i, "members",
                     (json_int_t)crowds->stats.host_members[i], "mean_divergence", f->mean_divergence,
                     "largest_divergence", f->largest_divergence, "mean_volume_distance",
                     finite_json(f->mean_volume), "largest_volume_distance", finite_json(f->largest_volume));
}

json_t *crowds_json(const struct crowds *crowds, uint32_t least)
{
    json_t *each = json_array();

    for (uint32_t i = 0; i < crowds->count; i++)
        json_array_append_new(each, fidelity_json(crowds, i));
    return json_pack("{s:I,s:f,s:I,s:I,s:I,s:I,s:o}", "least", (json_int_t)least, "kept_flow_share",
                     kept_share(crowds), "states", (json_int_t)crowds->counts.states, "kept_states",
                     (json_int_t)crowds->counts.kept_states, "services",
                     (json_int_t)crowds->counts.services, "kept_services",
                     (json_int_t)crowds->counts.kept_services, "crowds", each);
}
