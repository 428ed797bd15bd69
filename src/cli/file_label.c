#include "cli/file_label.h"

#include <string.h>

/* Up to the point of "x.pcap", "x.pcapng.gz"; a name may have other points before. */
static size_t stem_size(const char *name)
{
    const char *end = NULL;

    for (const char *at = strstr(name, ".pcap"); at != NULL; at = strstr(at + 1, ".pcap"))
        end = at;
    if (end == NULL)
        end = strrchr(name, '.');
    return end != NULL && end > name ? (size_t)(end - name) : strlen(name);
}

const char *file_label(const char *path, char label[LABEL_MAX_BYTES + 1])
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t size = stem_size(name);

    if (size > LABEL_MAX_BYTES)
        size = LABEL_MAX_BYTES;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)name[i];

        label[i] = c < ' ' || c > '~' || c == ',' || c == '"' ? '_' : name[i];
    }
    label[size] = '\0';
    return label;
}
