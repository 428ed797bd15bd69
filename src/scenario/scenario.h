/*
 * scenario.h - what is to be played, wired together: models, population, day, sessions.
 *
 * One place that turns a description into a source of frames, for dayshift(1) and
 * dayshiftd(8) alike: same description, same frames.
 */
#ifndef SCENARIO_SCENARIO_H
#define SCENARIO_SCENARIO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "dayshift/flow_plan.h"
#include "dayshift/flow_record.h"
#include "dayshift/frame.h"
#include "dayshift/session_options.h"
#include "model/model.h"
#include "net/ip_address.h"
#include "scenario/overlay_set.h"
#include "session/renderer.h"
#include "synth/day.h"
#include "synth/pick.h"
#include "synth/population.h"
#include "synth/slice.h"

/* "198.18.0.0/16" and "198.19.0.0/16": the two halves of the range for tests (RFC 2544). */
#define SCENARIO_DEFAULT_NETWORK "198.18.0.0/16"
#define SCENARIO_DEFAULT_OUTSIDE "198.19.0.0/16"
#define SCENARIO_DEFAULT_OUTSIDE6 "2001:2:0:8000::/49" /* the upper half of IPv6's (RFC 5180) */

#define SCENARIO_LEAST_ACTIVITY 0.001
#define SCENARIO_MOST_ACTIVITY 1000.0

#define SCENARIO_MOST_LEAD_NS (30 * NS_PER_DAY)
#define SCENARIO_LEAD_WANTED "\"0\" or a duration of at most 30 days such as \"30m\", \"4h\""

#define SCENARIO_USUAL_IPV6 0.5 /* of two ends that have both families */

#define SCENARIO_FOREVER INT64_MAX

enum { SCENARIO_MAX_GROUPS = 64, SCENARIO_MAX_HOSTS = PICK_MAX_PLACES, SCENARIO_MAX_THREADS = DAY_MAX_THREADS };

struct scenario_group {
    struct model *model;
    struct population_addresses addresses;
    uint16_t link; /* that its hosts send on */
    uint16_t vlan; /* their tag, 1..4094; 0: none */
    const char *pick; /* pick.h; NULL: all */
    uint32_t hosts;   /* 0: as many as are picked */
    double activity;  /* so many times as many flows; 0 is 1 */
    const char *place; /* where it is described, for messages; NULL: unknown */
};

/* Where the outside is described, for messages; NULL: unknown. */
struct scenario_outside_places {
    const char *networks[IP_FAMILIES];
    const char *gateway;
};

struct scenario_config {
    const struct scenario_group *groups; /* borrowed for the call; the models for the scenario's life */
    size_t group_count;
    struct population_outside outside; /* but for the MTU */
    struct scenario_outside_places outside_places;
    const char *place; /* where the rest is described */
    const uint16_t *mtus; /* by link, for the call; NULL: FLOW_USUAL_MTU everywhere */
    uint64_t seed;
    struct day_time begin; /* a run that goes on for another one begins where that was in the day: same flows */
    int64_t day_ns; /* how much of the day is played; SCENARIO_FOREVER: the run has no end but the calendar's */
    int64_t lead_ns; /* on the clock: what is under way at the begin began so long before at most (renderer.h); 0: nothing is */
    double speed;   /* the day passes this much faster than the clock */
    enum day_fallback fallback;
    struct session_options how;
    unsigned threads; /* for planning; the frames are the same for any number. 0 is 1 */
    bool plan_ahead;  /* so that frames need not wait for plans; see day.h */
    const atomic_bool *stop; /* borrowed, or NULL: when set, no more sessions are planned */
    const struct overlay_config *overlays; /* borrowed as overlay.h says; up to OVERLAY_SET_MAX */
    size_t overlay_count;
    bool overlays_may_fail; /* see struct overlay_set_config */
    int64_t before_ns; /* of the run that have passed before: overlays that begin so long after its begin */
};

/* A lead_ns from text; 0, or -1: it is not as SCENARIO_LEAD_WANTED says. */
int scenario_lead_parse(const char *text, int64_t *ns);

struct scenario; /* opaque */

struct scenario *scenario_new(const struct scenario_config *config, struct error *err);
void scenario_free(struct scenario *scenario);

/* renderer_begin(): the time before the run is played, which can take long. Before anything is steered. 0, or -1. */
int scenario_begin(struct scenario *scenario, struct error *err);

struct frame_source scenario_frames(struct scenario *scenario);
const struct renderer_counts *scenario_counts(const struct scenario *scenario);

/* Captures that are played with the sessions; NULL: none. */
const struct overlay_set *scenario_overlays(const struct scenario *scenario);

/* The flow that began last: with the frame taken last when that counted one more. NULL: none has begun. */
const struct flow_plan *scenario_begun(const struct scenario *scenario);

uint32_t scenario_host_count(const struct scenario *scenario);

/*
 * The gateway of a group, or with the number of groups that of the outside, has this MAC: for one that the configuration
 * knows by its address. Before the first frame is asked for; until then such a group has none.
 */
void scenario_set_gateway_mac(struct scenario *scenario, size_t group, const uint8_t mac[6]);

/* The number among all hosts of a group's first one. */
uint32_t scenario_first_host(const struct scenario *scenario, size_t group);

/* Networks that frames of this scenario come from and go to. */
const struct ip_network *scenario_networks(const struct scenario *scenario, size_t *count);

/* Who sends on which link, with which tag. */
const struct population_sender *scenario_senders(const struct scenario *scenario, size_t *count);

/*
 * When the last sessions are brought to an end; INT64_MAX: never. A time of the clock: to steer the day does not change
 * it, and what of the day is played until then follows.
 */
struct run_time scenario_end(const struct scenario *scenario);

/* Who plays. Borrowed: it lives as long as the scenario. */
const struct population *scenario_population(const struct scenario *scenario);

/* The flows of the day, for who asks for no frames. */
struct flow_plan_source scenario_plans(struct scenario *scenario);

/*
 * ---- steering: by the thread that takes the frames, never between a peek and its take, nor before scenario_begin() ----
 *
 * `now` is the time of the run's clock. What is steered takes effect then, but not before the frame that was taken
 * last: with a caller that renders ahead of the clock it comes that much later (renderer_position()). Flows and overlays
 * that began go on at their own pace. No flow is lost or doubled but by scenario_skip(). After each of them the source is to be
 * peeked at again, also when it was at its end.
 */

/* The day passes `speed` times as fast, more than 0. */
void scenario_set_speed(struct scenario *scenario, double speed, struct run_time now);

/*
 * Hosts begin `factor` times as many flows as their groups' activities say, until another factor is set; 1 is what it
 * was before any. The slice under way and what was planned ahead is planned again, at the next peek, which takes as
 * long as a slice does: with 10,000 hosts more than a second. The factor passes scenario_check_activity().
 */
void scenario_set_activity(struct scenario *scenario, double factor, struct run_time now);

/*
 * -1 when a group would have less than SCENARIO_LEAST_ACTIVITY or more than SCENARIO_MOST_ACTIVITY. Any thread may ask.
 */
int scenario_check_activity(const struct scenario *scenario, double factor, struct error *err);

/*
 * The day jumps by so much, forward or back: the wall clock was set, or the machine slept. Flows between are not
 * played, and nobody knows how many they would have been; flows behind are played again, as in the hour that comes
 * twice in autumn. So it is with overlays. The day stays within 1970 and 2255.
 */
void scenario_skip(struct scenario *scenario, int64_t ns, struct run_time now);

/*
 * No more flows begin, and those under way are closed, with FIN or reset where they have a connection: in as many
 * frames as that takes, the last of which is due `bound_ns` after the position at most (renderer.h). Overlays go on until
 * then. The run is over with it.
 */
void scenario_finish(struct scenario *scenario, struct run_time now, int64_t bound_ns);

/*
 * What of the day is played at a time of the run, by schedule_day_time(): as steered last, also for times before that.
 * A pointer to the same place for the scenario's life; to be copied for other threads.
 */
const struct schedule *scenario_schedule(const struct scenario *scenario);

/* What becomes of a plan, as a flow record: what its frames add up to (session/session_record.h). */
void scenario_record(const struct flow_plan *plan, uint64_t seed, struct flow_record *record);

#endif
