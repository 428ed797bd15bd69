#include "cli/fill_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/cli.h"
#include "dayshift/flow_state.h"

enum {
    CELL_TEXT = 80,   /* with an end, and room */
    CELL = 58,        /* columns of a side; two of them and " | " are 119 */
    LIST_MOST_PACKETS = 999999, /* more are shown so: there is no room */
    LIST_MOST = 60    /* rows of one gap: the first and the last half of them */
};

/* ---- what is to be shown ---- */

/* Records of one side: the neighbours before the gap, what is in it, and those behind. */
struct side {
    const struct flow_record **records;
    size_t before, middle, after;
};

static bool is_known(const struct recording *recording, uint32_t host, size_t step)
{
    return !recording->is_hidden[recording->hosts[host].steps[step].record];
}

static size_t count_known(const struct recording *recording, uint32_t host, size_t step, int direction)
{
    size_t count = recording->hosts[host].step_count;
    size_t found = 0;

    for (; step < count && found < REGRESSION_CONTEXT; step += (size_t)direction)
        found += is_known(recording, host, step);
    return found;
}

static size_t add_known(const struct recording *recording, uint32_t host, size_t step, int direction,
                        size_t wanted, const struct flow_record **to)
{
    for (size_t found = 0; found < wanted; step += (size_t)direction) {
        if (is_known(recording, host, step))
            to[direction > 0 ? found++ : wanted - 1 - found++] = recording_step(recording, host, step);
    }
    return wanted;
}

/* A synthetic record of that gap that is a step of the host. */
static bool is_of_gap(const struct fill_list *list, const struct gap_fill *fill, const struct gap_fill *maker,
                      const struct flow_record *record)
{
    const struct ip_address *address = &list->recording->hosts[fill->host].address;

    return maker->from.ns == fill->from.ns && maker->to.ns == fill->to.ns &&
           (ip_address_equal(&record->address[FLOW_INITIATOR], address) ||
            (ip_address_equal(&record->address[FLOW_RESPONDER], address) &&
             flow_is_step(record, ROLE_RESPONDER)));
}

static int compare_starts(const void *a, const void *b)
{
    int64_t x = (*(const struct flow_record *const *)a)->start.ns;
    int64_t y = (*(const struct flow_record *const *)b)->start.ns;

    return (x > y) - (x < y);
}

/* Into `to`, which may be NULL; how many. */
static size_t add_synthetic(const struct fill_list *list, const struct gap_fill *fill,
                            const struct flow_record **to)
{
    size_t used = 0;

    for (size_t f = 0; f < list->count; f++) {
        for (size_t i = 0; i < list->fills[f].record_count; i++) {
            const struct flow_record *record = &list->fills[f].records[i];

            if (!is_of_gap(list, fill, &list->fills[f], record))
                continue;
            if (to)
                to[used] = record;
            used++;
        }
    }
    if (to && used > 0)
        qsort(to, used, sizeof(const struct flow_record *), compare_starts);
    return used;
}

/* `synthetic`: what the gap was filled with; else what is hidden. */
static void side_init(struct side *side, const struct fill_list *list, const struct gap_fill *fill,
                      bool synthetic)
{
    const struct recording *recording = list->recording;
    size_t used = 0;

    side->before = count_known(recording, fill->host, fill->first_missing - 1, -1);
    side->middle = synthetic ? add_synthetic(list, fill, NULL) : fill->first_after - fill->first_missing;
    side->after = count_known(recording, fill->host, fill->first_after, 1);
    side->records = memory_alloc_array(side->before + side->middle + side->after, sizeof *side->records);
    used += add_known(recording, fill->host, fill->first_missing - 1, -1, side->before, side->records);
    if (synthetic)
        add_synthetic(list, fill, side->records + used);
    for (size_t i = 0; i < side->middle && !synthetic; i++)
        side->records[used + i] = recording_step(recording, fill->host, fill->first_missing + i);
    used += side->middle;
    add_known(recording, fill->host, fill->first_after, 1, side->after, side->records + used);
}

static enum host_role role_of(const struct recording *recording, const struct gap_fill *fill,
                              const struct flow_record *record)
{
    return ip_address_equal(&record->address[FLOW_INITIATOR], &recording->hosts[fill->host].address)
               ? ROLE_INITIATOR
               : ROLE_RESPONDER;
}

/* ---- text ---- */

static void record_cell(char cell[CELL_TEXT], char mark, const struct recording *recording,
                        const struct gap_fill *fill, const struct flow_record *record)
{
    char state[STATE_NAME];
    char time[CLI_TIME];
    char ports[16];

    cli_state_name(flow_state_key(record, role_of(recording, fill, record)), state);
    cli_time(record->start, time);
    if (flow_has_ports(record))
        snprintf(ports, sizeof ports, "%u>%u", record->port[FLOW_INITIATOR], record->port[FLOW_RESPONDER]);
    else /* of a ping, its identifier */
        snprintf(ports, sizeof ports, "%u", record->port[FLOW_INITIATOR]);
    snprintf(cell, CELL_TEXT, "%c%.12s %-25.25s %-11s %6" PRIu64, mark, strchr(time, 'T') + 1, state, ports,
             flow_record_packets(record) < LIST_MOST_PACKETS ? flow_record_packets(record) : LIST_MOST_PACKETS);
}

static void empty_cell(char cell[CELL_TEXT], char mark)
{
    memset(cell, mark, CELL);
    cell[CELL] = '\0';
}

static void print_row(const struct recording *recording, const struct gap_fill *fill,
                      const struct flow_record *left, char left_mark, const struct flow_record *right,
                      char right_mark)
{
    char cells[2][CELL_TEXT];

    empty_cell(cells[0], left_mark);
    empty_cell(cells[1], ' ');
    if (left)
        record_cell(cells[0], left_mark, recording, fill, left);
    if (right)
        record_cell(cells[1], right_mark, recording, fill, right);
    printf("%-*.*s | %.*s\n", CELL, CELL, cells[0], CELL, cells[1]);
}

static void print_head(const struct recording *recording, const struct gap_fill *fill,
                       const struct fill_options *options)
{
    char address[IP_ADDRESS_TEXT];
    char times[2][CLI_TIME];
    uint32_t count = fill->filling.count;

    printf("%s, %s to %s\n", ip_address_format(&recording->hosts[fill->host].address, address),
           cli_time(fill->from, times[0]), cli_time(fill->to, times[1]));
    printf("%s: %" PRIu32 " records, ln p %.2f", options->method == FILL_EXACT ? "exact" : "search", count,
           fill->filling.log_likelihood);
    if (count > 0)
        printf(", %.3f a record", fill->filling.log_likelihood / count);
    printf("; of the transition into the gap %.2f, out of it %.2f\n", fill->log_before, fill->log_after);
    printf("%-*s | filled; synthetic: +\n", CELL, "original; missing: #");
}

static void print_middle(const struct recording *recording, const struct gap_fill *fill,
                         const struct side *left, const struct side *right)
{
    size_t rows = left->middle > right->middle ? left->middle : right->middle;

    for (size_t i = 0; i < rows; i++) {
        if (rows > LIST_MOST && i == LIST_MOST / 2) {
            printf("%-*s | ... %zu rows\n", CELL, "#...", rows - LIST_MOST);
            i = rows - LIST_MOST / 2;
        }
        print_row(recording, fill, i < left->middle ? left->records[left->before + i] : NULL, '#',
                  i < right->middle ? right->records[right->before + i] : NULL, '+');
    }
}

void fill_list_print(const struct fill_list *list, size_t index, const struct fill_options *options)
{
    const struct recording *recording = list->recording;
    const struct gap_fill *fill = &list->fills[index];
    struct side left;
    struct side right;

    side_init(&left, list, fill, false);
    side_init(&right, list, fill, true);
    print_head(recording, fill, options);
    for (size_t i = 0; i < left.before; i++)
        print_row(recording, fill, left.records[i], ' ', right.records[i], ' ');
    print_middle(recording, fill, &left, &right);
    for (size_t i = 0; i < left.after; i++)
        print_row(recording, fill, left.records[left.before + left.middle + i], ' ',
                  right.records[right.before + right.middle + i], ' ');
    putchar('\n');
    free(left.records);
    free(right.records);
}

/* ---- JSON ---- */

static json_t *record_json(const struct recording *recording, const struct gap_fill *fill,
                           const struct flow_record *record, const char *kind)
{
    char address[IP_ADDRESS_TEXT];
    char state[STATE_NAME];
    char time[CLI_TIME];
    enum host_role role = role_of(recording, fill, record);

    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:I}", "time",
                     cli_time(record->start, time), "kind", kind, "state",
                     cli_state_name(flow_state_key(record, role), state), "initiator_port",
                     record->port[FLOW_INITIATOR], "responder_port", record->port[FLOW_RESPONDER], "peer",
                     ip_address_format(&record->address[role == ROLE_INITIATOR], address), "packets",
                     (json_int_t)flow_record_packets(record));
}

static json_t *side_json(const struct fill_list *list, const struct gap_fill *fill, bool synthetic)
{
    json_t *records = json_array();
    struct side side;

    side_init(&side, list, fill, synthetic);
    for (size_t i = 0; i < side.before + side.middle + side.after; i++) {
        bool is_middle = i >= side.before && i < side.before + side.middle;

        json_array_append_new(records, record_json(list->recording, fill, side.records[i],
                                                   !is_middle ? "genuine"
                                                   : synthetic ? "synthetic"
                                                               : "missing"));
    }
    free(side.records);
    return records;
}

json_t *fill_list_json(const struct fill_list *list, size_t index)
{
    const struct gap_fill *fill = &list->fills[index];
    char address[IP_ADDRESS_TEXT];
    char times[2][CLI_TIME];
    uint32_t count = fill->filling.count;

    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:f, s:o, s:f, s:f, s:o, s:o}", "host",
                     ip_address_format(&list->recording->hosts[fill->host].address, address), "from",
                     cli_time(fill->from, times[0]), "to", cli_time(fill->to, times[1]), "count",
                     (json_int_t)count, "records", (json_int_t)fill->record_count, "log_likelihood",
                     fill->filling.log_likelihood, "nats_per_record",
                     count ? json_real(fill->filling.log_likelihood / count) : json_null(), "log_before",
                     fill->log_before, "log_after", fill->log_after, "original",
                     side_json(list, fill, false), "filled", side_json(list, fill, true));
}
