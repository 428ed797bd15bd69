/*
 * decode_ieee80211.c - data frames of IEEE 802.11 and what captures put in front of them. All
 * numbers of the air are little-endian.
 */
#include "net/decode_private.h"

enum frame_control { /* first byte, then second */
    VERSION_AND_TYPE = 0x0f,
    DATA = 0x08,
    SUBTYPE_NO_DATA = 0x40,
    SUBTYPE_QOS = 0x80,
    FLAG_TO_DS = 0x01,
    FLAG_FROM_DS = 0x02,
    FLAG_MORE_FRAGMENTS = 0x04,
    FLAG_PROTECTED = 0x40,
    FLAG_HT_CONTROL = 0x80 /* of a QoS frame */
};

enum radiotap {
    PRESENT_TSFT = 1 << 0, /* 8 bytes */
    PRESENT_FLAGS = 1 << 1,
    PRESENT_MORE = 1u << 31,
    RADIOTAP_PADDED = 0x20, /* the header to a multiple of 4 bytes */
    RADIOTAP_BAD_FCS = 0x40
};

static uint32_t read_le(struct cursor *c, int bytes)
{
    uint32_t value = 0;

    for (int i = 0; i < bytes; i++)
        value |= (uint32_t)cursor_u8(c) << 8 * i;
    return value;
}

/* Of an aggregate of frames the first. */
static enum decode_result decode_amsdu(struct span *frame, struct packet_view *view)
{
    struct cursor header = span_header(frame, 14);
    uint16_t size;

    cursor_skip(&header, 12); /* addresses */
    size = cursor_u16_be(&header);
    if (size > frame->size)
        return span_reject(frame, DECODE_MALFORMED);
    span_trim(frame, size);
    return decode_llc(frame, view);
}

/* What stands between the frame control and the payload. */
struct data_header {
    bool later_fragment;
    bool aggregate; /* A-MSDU */
};

static struct data_header read_data_header(struct span *frame, uint8_t control, uint8_t flags,
                                           bool padded)
{
    const uint8_t both_ds = FLAG_TO_DS | FLAG_FROM_DS;
    struct data_header data = { false, false };
    struct cursor header = span_header(frame, 22); /* behind the frame control */
    size_t size = 24;

    cursor_skip(&header, 20); /* duration, addresses */
    data.later_fragment = cursor_u8(&header) & 0x0f;
    if ((flags & both_ds) == both_ds) {
        span_header(frame, 6); /* the fourth address */
        size += 6;
    }
    if (control & SUBTYPE_QOS) {
        size_t qos_bytes = flags & FLAG_HT_CONTROL ? 6 : 2;

        header = span_header(frame, qos_bytes);
        data.aggregate = cursor_u8(&header) & 0x80;
        size += qos_bytes;
    }
    if (padded)
        span_header(frame, -size & 3);
    return data;
}

static enum decode_result decode_data(struct span *frame, bool padded, struct packet_view *view)
{
    struct cursor header = span_header(frame, 2);
    uint8_t control = cursor_u8(&header);
    uint8_t flags = cursor_u8(&header);
    struct data_header data;

    if ((control & VERSION_AND_TYPE) != DATA || control & SUBTYPE_NO_DATA ||
        flags & FLAG_PROTECTED)
        return span_reject(frame, DECODE_NOT_IP);
    data = read_data_header(frame, control, flags, padded);
    if (data.later_fragment)
        return span_reject(frame, DECODE_NOT_IP);
    if (flags & FLAG_MORE_FRAGMENTS)
        frame->size = SPAN_OPEN;
    return data.aggregate ? decode_amsdu(frame, view) : decode_llc(frame, view);
}

enum decode_result decode_ieee80211(struct span *frame, struct packet_view *view)
{
    return decode_data(frame, false, view);
}

/* `fields` follow the first word of bits that say which of them are present. */
static uint8_t read_radiotap_flags(struct cursor fields, uint32_t present)
{
    size_t offset = 8;

    for (uint32_t word = present; word & PRESENT_MORE; offset += 4)
        word = read_le(&fields, 4);
    if (present & PRESENT_TSFT)
        cursor_skip(&fields, (-offset & 7) + 8);
    return present & PRESENT_FLAGS ? cursor_u8(&fields) : 0;
}

/* A frame that the receiver knew to be damaged may hold anything. */
enum decode_result decode_radiotap(struct span *frame, struct packet_view *view)
{
    struct cursor header = span_header(frame, 8);
    uint8_t version = cursor_u8(&header);
    uint32_t present;
    uint8_t flags;
    size_t size;

    cursor_skip(&header, 1);
    size = read_le(&header, 2);
    present = read_le(&header, 4);
    if (version != 0 || size < 8)
        return span_reject(frame, DECODE_MALFORMED);
    flags = read_radiotap_flags(span_header(frame, size - 8), present);
    if (flags & RADIOTAP_BAD_FCS)
        return span_reject(frame, DECODE_MALFORMED);
    return decode_data(frame, flags & RADIOTAP_PADDED, view);
}

/*
 * A magic number or message code, then the length of the whole header: of AVS in network order,
 * of Prism in that of the capturing machine. None is as large as 2^16.
 */
enum decode_result decode_prism(struct span *frame, struct packet_view *view)
{
    struct cursor header = span_header(frame, 8);
    uint32_t size;

    cursor_skip(&header, 4);
    size = cursor_u32_be(&header);
    if (size >> 16)
        size = size >> 24 | (size >> 8 & 0xff00);
    if (size < 8)
        return span_reject(frame, DECODE_MALFORMED);
    span_header(frame, size - 8);
    return decode_data(frame, false, view);
}
