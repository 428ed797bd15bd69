/*
 * same_frames CAPTURE CAPTURE [FILTER] - are the frames of two captures the same bytes in the
 * same order, whatever their times? Only frames that pass the filter count, in both.
 *
 * Exit status: 0 the same, 1 not (the first difference is printed), 2 cannot be read.
 */
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct capture {
    const char *path;
    pcap_t *pcap;
    struct pcap_pkthdr *header;
    const u_char *bytes;
    unsigned long number; /* of the current frame, from 1 */
};

static bool open_capture(struct capture *c, const char *path, const char *filter)
{
    char words[PCAP_ERRBUF_SIZE];
    struct bpf_program program;

    *c = (struct capture){ .path = path, .pcap = pcap_open_offline(path, words) };
    if (c->pcap == NULL) {
        fprintf(stderr, "same_frames: %s: %s\n", path, words);
        return false;
    }
    if (pcap_compile(c->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN) < 0 ||
        pcap_setfilter(c->pcap, &program) < 0) {
        fprintf(stderr, "same_frames: %s: %s\n", filter, pcap_geterr(c->pcap));
        return false;
    }
    pcap_freecode(&program);
    return true;
}

/* 1 with a frame, 0 at the end, -1 when it cannot be read. */
static int next_frame(struct capture *c)
{
    int got = pcap_next_ex(c->pcap, &c->header, &c->bytes);

    c->number++;
    if (got == 1)
        return 1;
    if (got == PCAP_ERROR_BREAK)
        return 0;
    fprintf(stderr, "same_frames: %s: frame %lu: %s\n", c->path, c->number, pcap_geterr(c->pcap));
    return -1;
}

static void print_difference(const struct capture *a, const struct capture *b)
{
    bpf_u_int32 i = 0;

    while (i < a->header->caplen && i < b->header->caplen && a->bytes[i] == b->bytes[i])
        i++;
    printf("frame %lu differs at byte %u: %s has %u bytes, %s has %u\n", a->number, i, a->path,
           a->header->caplen, b->path, b->header->caplen);
}

static int compare(struct capture *a, struct capture *b)
{
    for (;;) {
        int in_a = next_frame(a);
        int in_b = next_frame(b);

        if (in_a < 0 || in_b < 0)
            return 2;
        if (in_a != in_b) {
            printf("%s ends with frame %lu, %s goes on\n", in_a ? b->path : a->path, a->number - 1,
                   in_a ? a->path : b->path);
            return 1;
        }
        if (in_a == 0)
            break;
        if (a->header->caplen != b->header->caplen ||
            memcmp(a->bytes, b->bytes, a->header->caplen) != 0) {
            print_difference(a, b);
            return 1;
        }
    }
    printf("%lu frames, all the same\n", a->number - 1);
    return 0;
}

int main(int argc, char **argv)
{
    struct capture a = { 0 };
    struct capture b = { 0 };
    const char *filter = argc == 4 ? argv[3] : "";
    int status = 2;

    if (argc != 3 && argc != 4)
        fputs("usage: same_frames CAPTURE CAPTURE [FILTER]\n", stderr);
    else if (open_capture(&a, argv[1], filter) && open_capture(&b, argv[2], filter))
        status = compare(&a, &b);
    if (a.pcap)
        pcap_close(a.pcap);
    if (b.pcap)
        pcap_close(b.pcap);
    return status;
}
