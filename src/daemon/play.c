#include "daemon/play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/time_zone.h"
#include "daemon/say.h"

_Static_assert((int)FLOW_LEDGER_POPULATIONS >= (int)SCENARIO_MAX_GROUPS, "every population has a place in the ledger");

/* By the wall clock of the zone that is set. */
static struct day_time begin_time(const struct configuration *c)
{
    struct day_time now = time_zone_wall((struct day_time){ (int64_t)time(NULL) * NS_PER_SECOND });
    int64_t midnight_ns = (int64_t)(c->has_date ? c->date : day_time_date(now)) * NS_PER_DAY;
    int64_t start_ns = c->has_start ? c->start_ns : now.ns % NS_PER_DAY;

    return time_zone_instant((struct day_time){ midnight_ns + start_ns });
}

struct play_span play_span_of(const struct configuration *c)
{
    return (struct play_span){ .begin = begin_time(c), .duration_ns = c->duration_ns, .speed = c->speed, .activity = 1 };
}

static struct overlay_config overlay_of(const struct configuration_overlay *overlay, int fd)
{
    return (struct overlay_config){
        .fd = fd,
        .path = overlay->pcap,
        .place = overlay->pcap_place,
        .label = overlay->label,
        .time = overlay->time,
        .speed = overlay->speed,
        .map = overlay->map,
        .map_count = overlay->map_count,
    };
}

static int make_scenario(struct play *play, const struct configuration *c, const struct play_files *files,
                         const struct play_span *span, const uint16_t *mtus, const struct scenario_group *groups,
                         const struct sent_flow_keeper *keeper, struct error *err)
{
    struct overlay_config overlays[OVERLAY_SET_MAX];
    double day_ns = (double)span->duration_ns * span->speed;
    struct scenario_config config = {
        .groups = groups,
        .group_count = c->population_count,
        .outside = c->outside,
        .outside_places = { { c->outside_places[IP_FAMILY_4], c->outside_places[IP_FAMILY_6] }, c->outside_gateway_place },
        .place = c->path,
        .mtus = mtus,
        .seed = c->seed,
        .begin = span->begin,
        .day_ns = span->duration_ns > 0 && day_ns < (double)DAY_TIME_MOST_NS ? (int64_t)day_ns : SCENARIO_FOREVER,
        .lead_ns = span->goes_on ? 0 : c->lead_ns, /* what was under way was cut off, or closed */
        .speed = span->speed,
        .fallback = c->unobserved,
        .how = c->sessions,
        .threads = c->threads,
        .plan_ahead = true,
        .stop = &play->stop,
        .overlays = overlays,
        .overlay_count = c->overlay_count,
        .overlays_may_fail = span->goes_on,
        .before_ns = span->before_ns,
    };

    for (size_t i = 0; i < c->overlay_count; i++)
        overlays[i] = overlay_of(&c->overlays[i], files->overlays[i]);
    config.how.keeper = keeper;
    play->begin = span->begin;
    play->scenario = scenario_new(&config, err);
    return play->scenario ? 0 : -1;
}

void play_release(struct play *play)
{
    scenario_free(play->scenario);
    for (size_t i = 0; i < play->model_count; i++)
        model_free(play->models[i]);
    free(play->models);
    link_gates_release(&play->gates);
}

static struct scenario_group group_of(const struct configuration_population *population, struct model *model)
{
    return (struct scenario_group){
        .model = model,
        .addresses = population->addresses,
        .link = population->link,
        .vlan = population->vlan,
        .pick = population->pick,
        .hosts = population->hosts,
        .activity = population->activity,
        .place = population->place,
    };
}

int play_init(struct play *play, const struct configuration *c, const struct play_files *files,
              const struct play_span *span, const uint16_t *mtus, struct model_image *images,
              const struct sent_flow_keeper *keeper, struct error *err)
{
    struct scenario_group groups[SCENARIO_MAX_GROUPS];
    int status = 0;

    memset(play, 0, sizeof *play);
    play->goes_on = span->goes_on;
    play->ended = "the end of the run";
    play->models = memory_alloc_array(c->population_count, sizeof *play->models);
    play->model_count = c->population_count;
    for (size_t i = 0; i < c->population_count; i++) {
        play->models[i] = status == 0 ? model_from_image(&images[i], err) : NULL;
        if (status == 0 && play->models[i] == NULL)
            status = error_prefix(err, "%s", c->populations[i].model_place);
        model_image_release(&images[i]); /* all of them, after a failure too */
        groups[i] = group_of(&c->populations[i], play->models[i]);
    }
    if (status == 0)
        status = make_scenario(play, c, files, span, mtus, groups, keeper, err);
    if (status < 0) {
        play_release(play);
        return -1;
    }
    link_gates_init(&play->gates, play->scenario);
    play->started = mono_time_now();
    return 0;
}

/* The i-th, or NULL. */
static const struct overlay *overlay_at(const struct play *play, size_t i)
{
    const struct overlay_set *set = scenario_overlays(play->scenario);

    return set && i < overlay_set_count(set) ? overlay_set_at(set, i) : NULL;
}

void play_say_lead_in(const struct play *play, const struct configuration *c)
{
    char text[TEXT_NUMBER];

    if (c->lead_ns > 0 && !play->goes_on)
        say("first the %s before the run are played, without sending", text_from_duration(c->lead_ns, text));
}

void play_say_overlays(const struct play *play)
{
    const struct overlay *overlay;
    char left_out[TEXT_NUMBER], all[TEXT_NUMBER], when[OVERLAY_TIME_TEXT];
    char faults[OVERLAY_FAULTS_TEXT];

    for (size_t i = 0; (overlay = overlay_at(play, i)) != NULL; i++) {
        const struct overlay_tally *tally = &overlay->tally;

        if (!overlay->has_failed && tally->played < tally->frames)
            say("%s: %s of %s frames cannot be played: %s", overlay->config.path,
                text_from_count(tally->frames - tally->played, left_out), text_from_count(tally->frames, all),
                overlay_faults_text(tally, faults));
        if (!overlay->has_failed && !play->goes_on && !overlay_set_comes(scenario_overlays(play->scenario), i))
            say("%s: it is not played: it begins %s, and the run does not come to that time", overlay->config.path,
                overlay_time_text(&overlay->config.time, when));
    }
}

void play_say_failures(struct play *play)
{
    const struct overlay *overlay;

    for (size_t i = 0; (overlay = overlay_at(play, i)) != NULL; i++) {
        if (!overlay->has_failed || play->said_failure[i])
            continue;
        play->said_failure[i] = true;
        say("overlay %zu is not played any more: %s", i + 1, overlay->failure.text);
    }
}

int play_check_overlays(const struct play *play, struct error *err)
{
    const struct overlay *overlay;

    for (size_t i = 0; (overlay = overlay_at(play, i)) != NULL; i++) {
        if (overlay->has_failed)
            return error_set(err, "%s", overlay->failure.text);
    }
    return 0;
}

void play_print_overlays(const struct play *play, FILE *to)
{
    const struct overlay *overlay;
    char when[OVERLAY_TIME_TEXT], frames[TEXT_NUMBER], all[TEXT_NUMBER];

    for (size_t i = 0; (overlay = overlay_at(play, i)) != NULL; i++) {
        const struct overlay_config *config = &overlay->config;
        double seconds = (double)(overlay->last.ns - overlay->first.ns) / (double)NS_PER_SECOND / config->speed;

        fprintf(to, "%s: %s%s%s%s, for %.3f s: %s of %s frames\n", config->path, config->label ? "\"" : "",
                config->label ? config->label : "", config->label ? "\" " : "", overlay_time_text(&config->time, when),
                seconds, text_from_count(overlay->tally.played, frames), text_from_count(overlay->tally.frames, all));
    }
}

void play_name_populations(const struct play *play, struct flow_ledger *ledger)
{
    for (size_t i = 0; i < play->model_count; i++)
        flow_ledger_add_population(ledger, scenario_first_host(play->scenario, i));
}

void play_show_progress(const struct play *play, const struct report_counts *counts)
{
    char sent[TEXT_NUMBER];
    char flows[TEXT_NUMBER];

    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K%.0f s: %s flows, %s frames sent, %llu dropped",
                mono_time_seconds_since(play->started), text_from_count(counts->flows, flows),
                text_from_count(counts->sent, sent), (unsigned long long)counts->dropped);
}

void play_clear_progress(void)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
}

void play_count(const struct play *play, const struct emit_counts *emitted, size_t links, struct report_counts *counts)
{
    const struct renderer_counts *r = scenario_counts(play->scenario);
    const struct overlay_set *overlays = scenario_overlays(play->scenario);

    memset(counts, 0, sizeof *counts);
    counts->hosts = scenario_host_count(play->scenario);
    counts->flows = r->flows + r->left_out;
    counts->flows_left_out = r->left_out;
    counts->flows_under_way = r->under_way;
    counts->complete_tcp = r->complete_tcp;
    counts->hurried = r->hurried;
    counts->repeated_syns = r->repeated_syns;
    counts->most_live = r->most_live;
    if (overlays) {
        counts->overlays = overlay_set_counts(overlays)->begun;
        counts->overlays_left_out = overlay_set_counts(overlays)->left_out;
        counts->overlays_cut = overlay_set_counts(overlays)->failed;
        counts->overlay_frames = overlay_set_counts(overlays)->frames;
    }
    report_counts_set_emitted(counts, emitted, links);
}
