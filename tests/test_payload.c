/*
 * Payload generators: any cut gives the same bytes, nothing else is touched, and the formats
 * hold by parsers of the test's own.
 */
#include "support.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "net/wire.h"
#include "session/payload.h"

enum { MOST_BYTES = 70000, CANARY_BYTES = 16, CANARY = 0xa5 };

static const struct {
    uint8_t protocol;
    uint16_t port;
} services[] = {
    {IP_TCP, 21},    {IP_TCP, 22},    {IP_TCP, 23},    {IP_TCP, 25},    {IP_TCP, 53},    {IP_TCP, 80},
    {IP_TCP, 110},   {IP_TCP, 143},   {IP_TCP, 443},   {IP_TCP, 1883},  {IP_TCP, 9100},  {IP_TCP, 33001},
    {IP_UDP, 53},    {IP_UDP, 67},    {IP_UDP, 68},    {IP_UDP, 123},   {IP_UDP, 137},   {IP_UDP, 161},   {IP_UDP, 162},   {IP_UDP, 514},
    {IP_UDP, 1900},  {IP_UDP, 5353},  {IP_UDP, 5355},  {IP_UDP, 33001},
};

enum { SERVICES = sizeof services / sizeof services[0] };

static struct payload_place place_of(uint8_t protocol, uint16_t port, enum flow_side side, uint32_t exchange,
                                     uint64_t bytes)
{
    return (struct payload_place){
        .flow_key = 0x1234,
        .service_port = port,
        .protocol = protocol,
        .side = side,
        .message_index = exchange,
        .reply_to_index = side == FLOW_RESPONDER ? exchange + 1 : exchange,
        .message_bytes = bytes,
        .request_bytes = side == FLOW_RESPONDER || exchange > 0 ? 60 : 0,
    };
}

/* Fills the whole message between two canaries. */
static const uint8_t *fill_whole(const struct payload_place *place)
{
    static uint8_t buffer[CANARY_BYTES + MOST_BYTES + CANARY_BYTES];
    uint8_t *out = buffer + CANARY_BYTES;

    assert_in_range(place->message_bytes, 0, MOST_BYTES);
    memset(buffer, CANARY, sizeof buffer);
    payload_for(place->protocol, place->service_port)(place, out, (size_t)place->message_bytes);
    for (size_t i = 0; i < CANARY_BYTES; i++) {
        assert_int_equal(buffer[i], CANARY);
        assert_int_equal(out[place->message_bytes + i], CANARY);
    }
    return out;
}

/* Fills it in pieces of `step` bytes, the last of them shorter, each followed by a canary. */
static void assert_pieces_equal(struct payload_place place, const uint8_t *whole, size_t step)
{
    uint8_t piece[MOST_BYTES + 1];
    size_t size;

    for (place.offset = 0; place.offset < place.message_bytes; place.offset += size) {
        size = (size_t)(place.message_bytes - place.offset);
        if (size > step)
            size = step;
        piece[size] = CANARY;
        payload_for(place.protocol, place.service_port)(&place, piece, size);
        assert_memory_equal(piece, whole + place.offset, size);
        assert_int_equal(piece[size], CANARY);
    }
}

static void check_pieces(uint8_t protocol, uint16_t port, uint64_t bytes)
{
    static const size_t steps[] = {1, 2, 3, 7, 64, 333, 1460, 16384};

    for (uint32_t exchange = 0; exchange < 4; exchange++) {
        for (int side = FLOW_INITIATOR; side <= FLOW_RESPONDER; side++) {
            struct payload_place place = place_of(protocol, port, (enum flow_side)side, exchange, bytes);
            const uint8_t *whole = fill_whole(&place);

            for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
                if (bytes / steps[i] < 1000)
                    assert_pieces_equal(place, whole, steps[i]);
            }
        }
    }
}

static void test_pieces_equal_the_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < SERVICES; i++) {
        for (uint64_t bytes = 0; bytes < 700; bytes += 1 + bytes / 60)
            check_pieces(services[i].protocol, services[i].port, bytes);
        check_pieces(services[i].protocol, services[i].port, 5000);
        check_pieces(services[i].protocol, services[i].port, 65500);
        if (services[i].protocol == IP_TCP)
            check_pieces(services[i].protocol, services[i].port, MOST_BYTES);
    }
}

/* The end of a message of 64 GiB costs no more than its bytes. */
static void test_far_offsets(void **state)
{
    uint8_t whole[3000];
    uint8_t cut[3000];

    (void)state;
    for (size_t i = 0; i < SERVICES; i++) {
        struct payload_place place =
            place_of(services[i].protocol, services[i].port, FLOW_RESPONDER, 1, UINT64_C(1) << 36);
        payload_fill *fill = payload_for(services[i].protocol, services[i].port);

        if (services[i].protocol != IP_TCP)
            continue;
        place.offset = place.message_bytes - sizeof whole;
        fill(&place, whole, sizeof whole);
        fill(&place, cut, 1001);
        place.offset += 1001;
        fill(&place, cut + 1001, sizeof cut - 1001);
        assert_memory_equal(whole, cut, sizeof whole);
    }
}

static void test_same_place_same_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < SERVICES; i++) {
        struct payload_place place = place_of(services[i].protocol, services[i].port, FLOW_INITIATOR, 1, 600);
        uint8_t first[600];

        memcpy(first, fill_whole(&place), sizeof first);
        assert_memory_equal(first, fill_whole(&place), sizeof first);
        place.flow_key++;
        assert_memory_not_equal(first, fill_whole(&place), sizeof first);
    }
}

static void test_unknown_ports_are_opaque(void **state)
{
    (void)state;
    assert_ptr_equal(payload_for(IP_TCP, 33001), payload_for(IP_UDP, 33001));
    assert_ptr_equal(payload_for(IP_UDP, 80), payload_for(IP_UDP, 33001));
    assert_ptr_not_equal(payload_for(IP_TCP, 80), payload_for(IP_UDP, 33001));
}

/* DNS ------------------------------------------------------------------------------------- */

/* Bytes of a name at `at`, 0 when it runs out of the message; a pointer must point back. */
static size_t dns_name_bytes(const uint8_t *message, size_t size, size_t at)
{
    size_t start = at;

    while (at < size) {
        uint8_t label = message[at];

        if (label == 0)
            return at + 1 - start;
        if (label >= 0xc0) {
            if (at + 2 > size || (wire_get_u16(message + at) & 0x3fff) >= start)
                return 0;
            return at + 2 - start;
        }
        assert_true(label < 64);
        at += 1 + label;
    }
    return 0;
}

struct dns_parsed {
    size_t question_bytes;
    size_t records;
    size_t trailing_bytes;
};

static struct dns_parsed parse_dns(const uint8_t *message, size_t size)
{
    struct dns_parsed parsed = {0};
    size_t at = 12;
    size_t name;

    if (wire_get_u16(message + 4) == 1) {
        name = dns_name_bytes(message, size, at);
        assert_int_not_equal(name, 0);
        assert_in_range(name, 1, 255);
        parsed.question_bytes = name + 4;
        at += parsed.question_bytes;
        assert_true(at <= size);
    }
    for (size_t count = 6; count <= 10; count += 2)
        parsed.records += wire_get_u16(message + count);
    for (size_t i = 0; i < parsed.records; i++) {
        name = dns_name_bytes(message, size, at);
        assert_int_not_equal(name, 0);
        at += name + 10;
        assert_true(at <= size);
        at += wire_get_u16(message + at - 2);
        assert_true(at <= size);
    }
    parsed.trailing_bytes = size - at;
    return parsed;
}

static void check_dns_answer(const uint8_t *query, size_t query_bytes, size_t answer_bytes)
{
    struct payload_place place = place_of(IP_UDP, 53, FLOW_RESPONDER, 0, answer_bytes);
    struct dns_parsed asked = parse_dns(query, query_bytes);
    struct dns_parsed parsed;
    const uint8_t *answer;

    place.request_bytes = query_bytes;
    answer = fill_whole(&place);
    parsed = parse_dns(answer, answer_bytes);
    assert_int_equal(answer[2] & 0x80, 0x80);
    assert_memory_equal(answer, query, 2);
    /* 1 to 10 bytes beyond the question hold no record: they are left over */
    if (answer_bytes >= 19)
        assert_in_range(parsed.trailing_bytes, 0, 10);
    if (asked.question_bytes > 0 && answer_bytes >= 12 + asked.question_bytes + 11)
        assert_int_equal(parsed.trailing_bytes, 0);
    if (asked.question_bytes > 0 && answer_bytes >= 12 + asked.question_bytes) {
        assert_int_equal(parsed.question_bytes, asked.question_bytes);
        assert_memory_equal(answer + 12, query + 12, asked.question_bytes);
    }
}

static void test_dns_parses(void **state)
{
    (void)state;
    for (size_t bytes = 12; bytes <= 600; bytes++) {
        struct payload_place place = place_of(IP_UDP, 53, FLOW_INITIATOR, 0, bytes);
        uint8_t query[600];
        struct dns_parsed parsed;

        memcpy(query, fill_whole(&place), bytes);
        parsed = parse_dns(query, bytes);
        assert_int_equal(query[2] & 0x80, 0);
        if (bytes >= 19) {
            assert_true(parsed.question_bytes > 0);
            assert_int_equal(parsed.trailing_bytes, 0);
        }
        for (size_t answer_bytes = 12; answer_bytes <= 600; answer_bytes++)
            check_dns_answer(query, bytes, answer_bytes);
    }
}

/* Of a question; the name's last byte is the root's. */
static uint16_t dns_asked_type(const uint8_t *message, size_t size)
{
    return wire_get_u16(message + 12 + dns_name_bytes(message, size, 12));
}

/* Whatever type is asked for, the answer repeats the question, and fills its own length. */
static void test_dns_of_all_types(void **state)
{
    static const struct {
        uint16_t type;
        uint32_t least, most; /* of 4000 first queries: a sixteenth, a sixteenth, an eighth, the rest; 5 sigma */
    } shares[] = { { 65, 173, 327 }, { 12, 173, 327 }, { 28, 395, 605 }, { 1, 2863, 3137 } };
    uint32_t counts[UINT8_MAX] = { 0 };

    (void)state;
    for (uint64_t key = 0; key < 4000; key++) {
        size_t bytes = 12 + 4 + 22 + key % 9; /* names that may be those of addresses */
        struct payload_place ask = place_of(IP_UDP, 53, FLOW_INITIATOR, 0, bytes);
        struct payload_place answer = place_of(IP_UDP, 53, FLOW_RESPONDER, 0, bytes + key % 400);
        uint8_t query[64];
        struct dns_parsed parsed;
        const uint8_t *message;

        ask.flow_key = answer.flow_key = key;
        answer.request_bytes = bytes;
        memcpy(query, fill_whole(&ask), bytes);
        message = fill_whole(&answer);
        parsed = parse_dns(message, bytes + key % 400);
        assert_true(key % 400 > 0 && key % 400 < 11 ? parsed.trailing_bytes == key % 400 : parsed.trailing_bytes == 0);
        assert_memory_equal(message + 12, query + 12, bytes - 12);
        counts[dns_asked_type(query, bytes)]++;
    }
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        assert_in_range(counts[shares[i].type], shares[i].least, shares[i].most);
}

/* A host's names: some much oftener than others, none of another host, the same addresses each time. */
static void test_dns_names_are_reused(void **state)
{
    enum { FLOWS = 2000, BYTES = 45, NAME_BYTES = BYTES - 16, ANSWER_BYTES = BYTES + 16, MOST_NAMES = 31 };
    static struct {
        uint8_t name[NAME_BYTES];
        uint8_t address[4];
        uint32_t count;
    } names[2][MOST_NAMES];
    size_t known[2] = { 0, 0 };
    uint32_t most = 0;

    (void)state;
    for (uint32_t i = 0; i < 2 * FLOWS; i++) {
        uint32_t host = i % 2;
        struct payload_place place = place_of(IP_UDP, 53, FLOW_RESPONDER, 0, ANSWER_BYTES);
        const uint8_t *message;
        size_t at = 0;

        place.client = host;
        place.flow_key = i;
        place.request_bytes = BYTES;
        message = fill_whole(&place);
        if (dns_asked_type(message, ANSWER_BYTES) != 1)
            continue;
        while (at < known[host] && memcmp(names[host][at].name, message + 12, NAME_BYTES) != 0)
            at++;
        assert_true(at < MOST_NAMES);
        if (at == known[host]) {
            memcpy(names[host][at].name, message + 12, NAME_BYTES);
            memcpy(names[host][at].address, message + ANSWER_BYTES - 4, 4);
            known[host]++;
        }
        assert_memory_equal(names[host][at].address, message + ANSWER_BYTES - 4, 4);
        names[host][at].count++;
        if (names[host][at].count > most)
            most = names[host][at].count;
    }
    assert_in_range(known[0], MOST_NAMES - 2, MOST_NAMES);
    assert_in_range(known[1], MOST_NAMES - 2, MOST_NAMES);
    assert_in_range(most, FLOWS * 3 / 4 / 5 - 75, FLOWS * 3 / 4 / 5 + 75); /* the first is a fifth of all */
    for (size_t i = 0; i < known[0]; i++) {
        for (size_t k = 0; k < known[1]; k++)
            assert_memory_not_equal(names[0][i].name, names[1][k].name, NAME_BYTES);
    }
}

/* The second query of a flow is for the other kind of address of the same name. */
static void test_dns_queries_come_in_pairs(void **state)
{
    enum { BYTES = 60 };
    uint32_t pairs = 0;

    (void)state;
    for (uint64_t key = 0; key < 200; key++) {
        struct payload_place first = place_of(IP_UDP, 53, FLOW_INITIATOR, 0, BYTES);
        struct payload_place second = place_of(IP_UDP, 53, FLOW_INITIATOR, 1, BYTES);
        uint8_t query[BYTES];
        const uint8_t *other;

        first.flow_key = second.flow_key = key;
        memcpy(query, fill_whole(&first), BYTES);
        other = fill_whole(&second);
        assert_memory_equal(query + 12, other + 12, BYTES - 16);
        assert_memory_not_equal(query, other, 2);
        assert_int_not_equal(dns_asked_type(query, BYTES), dns_asked_type(other, BYTES));
        pairs += dns_asked_type(query, BYTES) + dns_asked_type(other, BYTES) == 1 + 28;
    }
    assert_in_range(pairs, 170, 199);
}

static void test_multicast_dns_parses(void **state)
{
    (void)state;
    for (size_t bytes = 27; bytes <= 1400; bytes++) {
        for (int side = FLOW_INITIATOR; side <= FLOW_RESPONDER; side++) {
            struct payload_place place = place_of(IP_UDP, 5353, (enum flow_side)side, 0, bytes);

            assert_int_equal(parse_dns(fill_whole(&place), bytes).trailing_bytes, 0);
        }
    }
}

static void test_dns_over_tcp_is_tiled(void **state)
{
    (void)state;
    for (size_t bytes = 14; bytes < MOST_BYTES; bytes += 1 + bytes / 20) {
        struct payload_place place = place_of(IP_TCP, 53, FLOW_RESPONDER, 0, bytes);
        const uint8_t *stream = fill_whole(&place);
        size_t at = 0;

        while (at < bytes) {
            size_t size = wire_get_u16(stream + at);

            assert_true(at + 2 + size <= bytes);
            parse_dns(stream + at + 2, size);
            at += 2 + size;
        }
        assert_int_equal(at, bytes);
    }
}

/* BER ------------------------------------------------------------------------------------- */

/* Header of the element at `at`: stores where its contents end, returns where they begin. */
static size_t ber_open(const uint8_t *bytes, size_t at, size_t limit, uint8_t tag, size_t *end)
{
    size_t length;

    assert_true(at + 2 <= limit);
    assert_int_equal(bytes[at], tag);
    length = bytes[at + 1];
    at += 2;
    if (length == 0x81) {
        length = bytes[at++];
    } else if (length == 0x82) {
        length = wire_get_u16(bytes + at);
        at += 2;
    } else {
        assert_true(length < 0x80);
    }
    assert_true(at + length <= limit);
    *end = at + length;
    return at;
}

static size_t ber_skip(const uint8_t *bytes, size_t at, size_t limit, uint8_t tag)
{
    size_t end;

    ber_open(bytes, at, limit, tag, &end);
    return end;
}

static void check_snmp(const uint8_t *m, size_t bytes, uint8_t operation)
{
    size_t end, pdu_end, list_end, binding_end;
    size_t at = ber_open(m, 0, bytes, 0x30, &end);

    assert_int_equal(end, bytes);
    at = ber_skip(m, at, end, 0x02);
    at = ber_skip(m, at, end, 0x04);
    at = ber_open(m, at, end, operation, &pdu_end);
    assert_int_equal(pdu_end, end);
    for (int i = 0; i < 3; i++)
        at = ber_skip(m, at, pdu_end, 0x02);
    at = ber_open(m, at, pdu_end, 0x30, &list_end);
    assert_int_equal(list_end, pdu_end);
    while (at < list_end) {
        at = ber_open(m, at, list_end, 0x30, &binding_end);
        at = ber_skip(m, at, binding_end, 0x06);
        at = ber_skip(m, at, binding_end, m[at]);
        assert_int_equal(at, binding_end);
    }
    assert_int_equal(at, list_end);
}

static void test_snmp_lengths_nest(void **state)
{
    (void)state;
    for (size_t bytes = 23; bytes < 1500; bytes++) {
        struct payload_place request = place_of(IP_UDP, 161, FLOW_INITIATOR, 0, bytes);
        struct payload_place response = place_of(IP_UDP, 161, FLOW_RESPONDER, 0, bytes);
        struct payload_place trap = place_of(IP_UDP, 162, FLOW_INITIATOR, 0, bytes);

        check_snmp(fill_whole(&request), bytes, 0xa0);
        check_snmp(fill_whole(&response), bytes, 0xa2);
        check_snmp(fill_whole(&trap), bytes, 0xa7);
    }
}

/* Streams of records ---------------------------------------------------------------------- */

static void check_tls(const struct payload_place *place)
{
    const uint8_t *stream = fill_whole(place);
    size_t at = 0;

    while (at < place->message_bytes) {
        size_t record = wire_get_u16(stream + at + 3);

        assert_in_range(stream[at], 20, 23);
        assert_int_equal(stream[at + 1], 3);
        assert_true(record <= 16384);
        if (stream[at] == 22) { /* a handshake message fills its record */
            assert_int_equal(stream[at + 5], place->side == FLOW_INITIATOR ? 1 : 2);
            assert_int_equal(wire_get_u16(stream + at + 7), record - 4);
        }
        at += 5 + record;
    }
    assert_int_equal(at, place->message_bytes);
}

static void test_tls_records_tile(void **state)
{
    (void)state;
    for (uint64_t bytes = 5; bytes <= MOST_BYTES; bytes += bytes < 2500 ? 1 : 1 + bytes / 50) {
        for (uint32_t exchange = 0; exchange < 3; exchange++) {
            struct payload_place client = place_of(IP_TCP, 443, FLOW_INITIATOR, exchange, bytes);
            struct payload_place server = place_of(IP_TCP, 443, FLOW_RESPONDER, exchange, bytes);

            check_tls(&client);
            check_tls(&server);
        }
    }
    for (uint64_t bytes = 16380; bytes < 16400; bytes++) {
        struct payload_place place = place_of(IP_TCP, 443, FLOW_INITIATOR, 2, bytes);

        check_tls(&place);
    }
}

static void test_tls_hellos_come_first(void **state)
{
    struct payload_place place = place_of(IP_TCP, 443, FLOW_INITIATOR, 0, 50);

    (void)state;
    for (; place.message_bytes < 3000; place.message_bytes++)
        assert_int_equal(fill_whole(&place)[0], 22);
    place = place_of(IP_TCP, 443, FLOW_RESPONDER, 0, 47);
    for (; place.message_bytes < 3000; place.message_bytes++)
        assert_int_equal(fill_whole(&place)[0], 22);
}

static void check_mqtt(const struct payload_place *place)
{
    const uint8_t *stream = fill_whole(place);
    size_t at = 0;

    while (at < place->message_bytes) {
        size_t rest = 0;

        assert_int_not_equal(stream[at], 0);
        at++;
        for (unsigned shift = 0; shift < 28; shift += 7) {
            rest |= (size_t)(stream[at] & 0x7f) << shift;
            if (stream[at++] < 0x80) {
                assert_true(shift == 0 || stream[at - 1] != 0); /* the shortest form */
                break;
            }
        }
        at += rest;
    }
    assert_int_equal(at, place->message_bytes);
}

static void test_mqtt_packets_tile(void **state)
{
    (void)state;
    for (uint64_t bytes = 2; bytes <= MOST_BYTES; bytes += bytes < 17000 ? 1 : 997) {
        for (uint32_t exchange = 0; exchange < 2; exchange++) {
            struct payload_place client = place_of(IP_TCP, 1883, FLOW_INITIATOR, exchange, bytes);
            struct payload_place server = place_of(IP_TCP, 1883, FLOW_RESPONDER, exchange, bytes);

            check_mqtt(&client);
            check_mqtt(&server);
        }
    }
}

/* Text ------------------------------------------------------------------------------------ */

static void check_http_length(const struct payload_place *place)
{
    static char text[MOST_BYTES + 1];
    const char *length, *body;

    memcpy(text, fill_whole(place), (size_t)place->message_bytes);
    text[place->message_bytes] = '\0';
    body = strstr(text, "\r\n\r\n");
    assert_non_null(body);
    body += 4;
    length = strstr(text, "Content-Length: ");
    if (length == NULL)
        assert_int_equal(body - text, place->message_bytes);
    else
        assert_int_equal(strtol(length + 16, NULL, 10), text + place->message_bytes - body);
}

static void test_http_length_is_that_of_the_body(void **state)
{
    (void)state;
    for (uint64_t bytes = 18; bytes < MOST_BYTES; bytes += bytes < 3000 ? 1 : 7) {
        struct payload_place request = place_of(IP_TCP, 80, FLOW_INITIATOR, 0, bytes);
        struct payload_place response = place_of(IP_TCP, 80, FLOW_RESPONDER, 0, bytes);

        check_http_length(&request);
        check_http_length(&response);
    }
}

static void test_lines_end(void **state)
{
    static const uint16_t ports[] = {21, 25, 110, 143, 9100};

    (void)state;
    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        for (uint64_t bytes = 2; bytes < 2000; bytes++) {
            struct payload_place client = place_of(IP_TCP, ports[i], FLOW_INITIATOR, 1, bytes);
            struct payload_place server = place_of(IP_TCP, ports[i], FLOW_RESPONDER, 1, bytes);

            assert_memory_equal(fill_whole(&client) + bytes - 2, "\r\n", 2);
            assert_memory_equal(fill_whole(&server) + bytes - 2, "\r\n", 2);
        }
    }
}

static void test_ssh_identifies_itself(void **state)
{
    (void)state;
    for (uint64_t bytes = 11; bytes < 3000; bytes++) {
        struct payload_place place = place_of(IP_TCP, 22, FLOW_RESPONDER, 0, bytes);
        const uint8_t *text = fill_whole(&place);
        const uint8_t *end = memchr(text, '\n', (size_t)bytes);

        assert_memory_equal(text, "SSH-2.0-", 8);
        assert_non_null(end);
        assert_in_range(end - text, 10, 254);
    }
}

/* OpenSSH's client sends its key and NEWKEYS one after the other. */
static void test_ssh_exchanges_keys(void **state)
{
    static const struct {
        uint32_t index;
        uint64_t bytes;
        uint8_t type;
    } messages[] = { { 1, 1288, 20 }, { 2, 48, 30 }, { 2, 64, 30 }, { 2, 16, 21 }, { 3, 16, 21 } };

    (void)state;
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        struct payload_place place = place_of(IP_TCP, 22, FLOW_INITIATOR, messages[i].index, messages[i].bytes);

        assert_int_equal(fill_whole(&place)[5], messages[i].type);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_equal_the_whole),
        cmocka_unit_test(test_far_offsets),
        cmocka_unit_test(test_same_place_same_bytes),
        cmocka_unit_test(test_unknown_ports_are_opaque),
        cmocka_unit_test(test_dns_parses),
        cmocka_unit_test(test_dns_of_all_types),
        cmocka_unit_test(test_dns_names_are_reused),
        cmocka_unit_test(test_dns_queries_come_in_pairs),
        cmocka_unit_test(test_multicast_dns_parses),
        cmocka_unit_test(test_dns_over_tcp_is_tiled),
        cmocka_unit_test(test_snmp_lengths_nest),
        cmocka_unit_test(test_tls_records_tile),
        cmocka_unit_test(test_tls_hellos_come_first),
        cmocka_unit_test(test_mqtt_packets_tile),
        cmocka_unit_test(test_http_length_is_that_of_the_body),
        cmocka_unit_test(test_lines_end),
        cmocka_unit_test(test_ssh_identifies_itself),
        cmocka_unit_test(test_ssh_exchanges_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
