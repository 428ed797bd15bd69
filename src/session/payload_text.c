/*
 * Protocols of lines: HTTP and SSDP, SMTP, FTP, POP3, IMAP; syslog and printer text.
 *
 * Every message is whole: HTTP announces the length of its body, mail travels in BDAT
 * chunks (RFC 3030), which need no end mark, and the last line always ends. So a parser can
 * join at any message and no message depends on another's size.
 */
#include "session/payload_private.h"

#include <stdio.h>
#include <string.h>

enum {
    LINE_END_BYTES = 2,
    MOST_LINE_BYTES = 76,
    LEAST_LINE_BYTES = 24,
    HOST_BYTES = 10,
    MOST_PATH_BYTES = 40,
    MOST_COOKIE_BYTES = 1000,
    PRINT_LINE_BYTES = 80
};

static void write_line_end(struct piece *p)
{
    piece_text(p, "\r\n");
}

/* As much of a text as the message still has room for. */
static void write_clipped(struct piece *p, const char *text)
{
    uint64_t size = strlen(text);

    piece_bytes(p, text, (size_t)(size < piece_left(p) ? size : piece_left(p)));
}

/* The same name in all messages of a flow. */
static void write_host(struct piece *p, uint64_t flow_key)
{
    uint8_t name[HOST_BYTES];

    filler_write(FILLER_LETTERS, flow_key, 0, name, sizeof name);
    memcpy(name + sizeof name - 4, ".com", 4);
    piece_bytes(p, name, sizeof name);
}

static size_t digits(uint64_t value)
{
    size_t n = 1;

    for (; value >= 10; value /= 10)
        n++;
    return n;
}

/*
 * A decimal count of what follows it in the message, after `separator`. Where the digits
 * push the count below a power of ten, a space in front makes up for the one they lose.
 */
static void write_count_of_rest(struct piece *p, const char *separator)
{
    uint64_t left = piece_left(p) - strlen(separator);
    size_t width = digits(left);
    uint8_t text[24];

    if (width > 1 && digits(left - (width - 1)) == width - 1)
        width--;
    left -= width;
    for (size_t at = width; at-- > 0; left /= 10) /* every packet of the message comes here */
        text[at] = (uint8_t)(left > 0 || at == width - 1 ? '0' + left % 10 : ' ');
    piece_bytes(p, text, width);
    piece_text(p, separator);
}

/* HTTP ------------------------------------------------------------------------------------ */

static const char agent_header[] =
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n";
static const char accept_headers[] = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n"
                                     "Accept-Language: en-US,en;q=0.5\r\n"
                                     "Accept-Encoding: gzip, deflate\r\n";
static const char cookie_open[] = "Cookie: session=";

/* Too short for a request with a host: one of version 1.0, or an empty line. */
static void write_short_request(struct piece *p)
{
    static const char open[] = "GET /";
    static const char close[] = " HTTP/1.0\r\n\r\n";
    const uint64_t fixed = strlen(open) + strlen(close);

    if (p->end < fixed) {
        piece_filler(p, FILLER_LETTERS, p->end > LINE_END_BYTES ? p->end - LINE_END_BYTES : 0);
        write_clipped(p, p->end > 1 ? "\r\n" : "\n");
        return;
    }
    piece_text(p, open);
    piece_filler(p, FILLER_LETTERS, p->end - fixed);
    piece_text(p, close);
}

static void write_request_headers(struct piece *p, const char *method, uint64_t path_bytes, uint64_t flow_key)
{
    piece_text(p, method);
    piece_filler(p, FILLER_LETTERS, path_bytes);
    piece_text(p, " HTTP/1.1\r\nHost: ");
    write_host(p, flow_key);
    write_line_end(p);
}

/* Soft parts are the path and a cookie. */
static void write_get(struct piece *p, uint64_t flow_key)
{
    const uint64_t bare = strlen("GET / HTTP/1.1\r\nHost: \r\n\r\n") + HOST_BYTES;
    const uint64_t cookie_fixed = strlen(cookie_open) + LINE_END_BYTES;
    uint64_t spare = p->end - bare;
    bool has_agent = spare >= strlen(agent_header);
    bool has_accept;
    uint64_t path;

    if (has_agent)
        spare -= strlen(agent_header);
    has_accept = spare >= strlen(accept_headers);
    if (has_accept)
        spare -= strlen(accept_headers);
    path = spare > MOST_PATH_BYTES + cookie_fixed ? MOST_PATH_BYTES : spare;
    write_request_headers(p, "GET /", path, flow_key);
    if (has_agent)
        piece_text(p, agent_header);
    if (has_accept)
        piece_text(p, accept_headers);
    if (spare > path) {
        piece_text(p, cookie_open);
        piece_filler(p, FILLER_LETTERS, spare - path - cookie_fixed);
        write_line_end(p);
    }
    write_line_end(p);
}

static void write_post(struct piece *p, uint64_t flow_key)
{
    write_request_headers(p, "POST /", MOST_PATH_BYTES / 2, flow_key);
    piece_text(p, agent_header);
    piece_text(p, "Content-Type: text/plain\r\nContent-Length: ");
    write_count_of_rest(p, "\r\n\r\n");
    piece_filler(p, FILLER_WORDS, piece_left(p));
}

/* Without a body. A server's name, or else the reason, is as long as needed. */
static void write_not_modified(struct piece *p)
{
    static const char status[] = "HTTP/1.1 304 ";
    static const char named_status[] = "HTTP/1.1 304 Not Modified\r\nServer: ";
    static const char close[] = "\r\n\r\n";
    const char *open = p->end > strlen(named_status) + strlen(close) ? named_status : status;

    if (p->end < strlen(status) + strlen(close)) {
        write_short_request(p);
        return;
    }
    piece_text(p, open);
    piece_filler(p, FILLER_LETTERS, piece_left(p) - strlen(close));
    piece_text(p, close);
}

static void write_page(struct piece *p)
{
    piece_text(p, "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/plain\r\nContent-Length: ");
    write_count_of_rest(p, "\r\n\r\n");
    piece_filler(p, FILLER_WORDS, piece_left(p));
}

void payload_http(const struct payload_place *place, uint8_t *out, size_t size)
{
    enum { LEAST_GET_BYTES = 36, LEAST_PAGE_BYTES = 100 };
    struct piece p = piece_begin(place, out, size);

    if (place->side == FLOW_RESPONDER && p.end >= LEAST_PAGE_BYTES)
        write_page(&p);
    else if (place->side == FLOW_RESPONDER)
        write_not_modified(&p);
    else if (p.end < LEAST_GET_BYTES)
        write_short_request(&p);
    else if (p.end <= MOST_COOKIE_BYTES)
        write_get(&p, place->flow_key);
    else
        write_post(&p, place->flow_key);
}

/* Searches, and announcements where a search would be too long; answers name a device. */
void payload_ssdp(const struct payload_place *place, uint8_t *out, size_t size)
{
    enum { MOST_SEARCH_BYTES = 200 };
    static const char search[] = "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n"
                                 "MAN: \"ssdp:discover\"\r\nMX: 2\r\nST: upnp:";
    static const char notify[] = "NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nNTS: ssdp:alive\r\n"
                                 "NT: upnp:rootdevice\r\nCACHE-CONTROL: max-age=1800\r\nUSN: uuid:";
    static const char answer[] = "HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nEXT:\r\nUSN: uuid:";
    static const char close[] = "\r\n\r\n";
    struct piece p = piece_begin(place, out, size);
    const char *open = answer;

    if (place->side == FLOW_INITIATOR)
        open = p.end < MOST_SEARCH_BYTES ? search : notify;
    if (p.end <= strlen(open) + strlen(close)) {
        write_not_modified(&p);
        return;
    }
    piece_text(&p, open);
    piece_filler(&p, FILLER_LETTERS, piece_left(&p) - strlen(close));
    piece_text(&p, close);
}

/* Mail and files --------------------------------------------------------------------------- */

/* Replies of one message: what its lines begin with. */
struct reply_form {
    const char *first;
    const char *middle;
    const char *last; /* also of an only line */
};

static void write_reply_line(struct piece *p, const struct tile *tile, const void *context)
{
    const struct reply_form *form = context;
    const char *open = tile->is_last ? form->last : tile->is_first ? form->first : form->middle;
    uint64_t text = tile->size > LINE_END_BYTES ? tile->size - LINE_END_BYTES : 0;
    uint64_t open_bytes = strlen(open) < text ? strlen(open) : text;

    piece_bytes(p, open, (size_t)open_bytes);
    piece_filler(p, FILLER_WORDS, text - open_bytes);
    piece_text(p, tile->size > 1 ? "\r\n" : "\n");
}

static void write_reply(struct piece *p, const struct reply_form *form)
{
    piece_tiles(p, piece_left(p), MOST_LINE_BYTES, LEAST_LINE_BYTES, write_reply_line, form);
}

/* A command: a name as long as needed between two fixed texts. */
struct command_form {
    const char *open;
    const char *close;
};

static void write_command_line(struct piece *p, const struct tile *tile, const void *context)
{
    const struct command_form *form = context;
    uint64_t text = tile->size > LINE_END_BYTES ? tile->size - LINE_END_BYTES : 0;
    uint64_t fixed = strlen(form->open) + strlen(form->close);

    if (text > fixed) {
        piece_text(p, form->open);
        piece_filler(p, FILLER_LETTERS, text - fixed);
        piece_text(p, form->close);
    } else {
        piece_bytes(p, "NOOP                            ", (size_t)text);
    }
    piece_text(p, tile->size > 1 ? "\r\n" : "\n");
}

static void write_commands(struct piece *p, const struct command_form *form)
{
    piece_tiles(p, piece_left(p), MOST_LINE_BYTES, LEAST_LINE_BYTES, write_command_line, form);
}

/* The `index`-th of `count` forms; when they are used up the last one stays. */
static uint32_t form_at(uint32_t index, uint32_t count)
{
    return index < count ? index : count - 1;
}

/* A chunk of mail says its length, so any message may be one. */
static void write_mail_chunk(struct piece *p)
{
    piece_text(p, "BDAT ");
    write_count_of_rest(p, " LAST\r\n");
}

void payload_smtp(const struct payload_place *place, uint8_t *out, size_t size)
{
    enum { LEAST_CHUNK_BYTES = 120 };
    static const struct command_form commands[] = {
        {"EHLO ", ".example.net"}, {"MAIL FROM:<", "@example.net>"}, {"RCPT TO:<", "@example.org>"}};
    static const struct reply_form greeting = {"220-", "220-", "220 "};
    static const struct reply_form done = {"250-", "250-", "250 "};
    struct piece p = piece_begin(place, out, size);

    if (place->side == FLOW_RESPONDER) {
        write_reply(&p, place->reply_to_index == 0 ? &greeting : &done);
    } else if (p.end >= LEAST_CHUNK_BYTES) {
        write_mail_chunk(&p);
        piece_text(&p, "Subject: ");
        piece_filler(&p, FILLER_WORDS, 24);
        piece_text(&p, "\r\n\r\n");
        piece_filler(&p, FILLER_WORDS, piece_left(&p) - LINE_END_BYTES);
        write_line_end(&p);
    } else {
        write_commands(&p, &commands[form_at(place->message_index, 3)]);
    }
}

void payload_ftp(const struct payload_place *place, uint8_t *out, size_t size)
{
    static const struct command_form commands[] = {{"USER ", ""}, {"PASS ", ""}, {"CWD /", ""}};
    static const struct reply_form replies[] = {
        {"220-", " ", "220 "}, {"331-", " ", "331 "}, {"230-", " ", "230 "}, {"250-", " ", "250 "}};
    struct piece p = piece_begin(place, out, size);

    if (place->side == FLOW_RESPONDER)
        write_reply(&p, &replies[form_at(place->reply_to_index, 4)]);
    else
        write_commands(&p, &commands[form_at(place->message_index, 3)]);
}

void payload_pop3(const struct payload_place *place, uint8_t *out, size_t size)
{
    static const struct command_form commands[] = {{"USER ", ""}, {"PASS ", ""}, {"UIDL ", ""}};
    static const struct reply_form reply = {"+OK ", "", ""};
    static const struct reply_form short_reply = {"+OK ", "", "+OK "};
    struct piece p = piece_begin(place, out, size);

    if (place->side == FLOW_INITIATOR) {
        write_commands(&p, &commands[form_at(place->message_index, 3)]);
    } else if (p.end <= MOST_LINE_BYTES) {
        write_reply(&p, &short_reply);
    } else {
        piece_tiles(&p, p.end - 3, MOST_LINE_BYTES, LEAST_LINE_BYTES, write_reply_line, &reply);
        piece_text(&p, ".\r\n");
    }
}

void payload_imap(const struct payload_place *place, uint8_t *out, size_t size)
{
    char tag[16];
    struct command_form command = {tag, ""};
    struct reply_form reply = {"* OK ", "* OK ", place->reply_to_index == 0 ? "* OK " : tag};
    struct piece p = piece_begin(place, out, size);

    if (place->side == FLOW_INITIATOR) {
        snprintf(tag, sizeof tag, "a%u SELECT ", place->message_index % 1000 + 1);
        write_commands(&p, &command);
    } else {
        snprintf(tag, sizeof tag, "a%u OK ", place->reply_to_index % 1000);
        write_reply(&p, &reply);
    }
}

/* Text ------------------------------------------------------------------------------------- */

/* RFC 5424, with the time left out, as sessions know no clock; without a header if it must. */
void payload_syslog(const struct payload_place *place, uint8_t *out, size_t size)
{
    static const char priority[] = "<134>";
    static const char open[] = "1 - ";
    static const char close[] = " agent 412 - - ";
    struct piece p = piece_begin(place, out, size);

    if (p.end > strlen(priority))
        piece_text(&p, priority);
    if (piece_left(&p) >= strlen(open) + HOST_BYTES + strlen(close)) {
        piece_text(&p, open);
        write_host(&p, place->flow_key);
        piece_text(&p, close);
    }
    piece_filler(&p, FILLER_WORDS, piece_left(&p));
}

static void write_print_line(struct piece *p, const struct tile *tile, const void *unused)
{
    (void)unused;
    if (tile->size > LINE_END_BYTES)
        piece_filler(p, FILLER_WORDS, tile->size - LINE_END_BYTES);
    piece_text(p, tile->size > 1 ? "\r\n" : "\n");
}

/* Printers, terminals: lines, and nothing else. */
void payload_plain(const struct payload_place *place, uint8_t *out, size_t size)
{
    struct piece p = piece_begin(place, out, size);

    piece_tiles(&p, p.end, PRINT_LINE_BYTES, LINE_END_BYTES, write_print_line, NULL);
}
