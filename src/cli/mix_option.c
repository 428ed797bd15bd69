#include "cli/mix_option.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/options.h"

int block_option_parse(const char *text, uint32_t *block, bool *is_random, struct error *err)
{
    static const char random_[] = "random:";
    size_t skip = strncmp(text, random_, sizeof random_ - 1) == 0 ? sizeof random_ - 1 : 0;
    uint64_t value;

    if (option_u64("--block", text + skip, 1, MIX_MAX_BLOCK, &value, err) < 0)
        return -1;
    *is_random = skip > 0;
    *block = (uint32_t)value;
    return 0;
}

/* One part; its text is cut up. The last colon and the last # count: a file's name may have others. */
static int parse_host(struct mix_host *host, char *text, struct error *err)
{
    char *colon = strrchr(text, ':');
    char *id = text;
    char *hash;
    uint64_t number;

    if (colon == NULL)
        return error_set(err, "--mix: '%s' has no weight (3:0.7, or office.dsm#3:0.7)", text);
    *colon = '\0';
    hash = strrchr(text, '#');
    if (hash != NULL) {
        *hash = '\0';
        id = hash + 1;
        host->path = memory_copy_text(text);
    }
    if (text_to_u64(id, &number) < 0 || number > UINT32_MAX)
        return error_set(err, "--mix: '%s' is not the number of a host", id);
    if (text_to_double(colon + 1, &host->weight) < 0 || host->weight < 0)
        return error_set(err, "--mix: '%s' is not a weight, which is a number that is not negative", colon + 1);
    host->id = (uint32_t)number;
    return 0;
}

static bool is_same_host(const struct mix_host *a, const struct mix_host *b)
{
    bool same_file = a->path == NULL || b->path == NULL ? a->path == b->path : strcmp(a->path, b->path) == 0;

    return same_file && a->id == b->id;
}

static int add_host(struct mix_option *mix, char *text, struct error *err)
{
    struct mix_host *host = &mix->hosts[mix->count];

    if (mix->count == MIX_MAX_PARTS)
        return error_set(err, "--mix: more than %d hosts", MIX_MAX_PARTS);
    mix->count++;
    if (parse_host(host, text, err) < 0)
        return -1;
    for (const struct mix_host *before = mix->hosts; before < host; before++) {
        if (is_same_host(before, host))
            return error_set(err, "--mix: host %u is there twice", host->id);
    }
    return 0;
}

int mix_option_parse(struct mix_option *mix, const char *text, struct error *err)
{
    char *copy = memory_copy_text(text);
    char *rest = copy;
    double sum = 0;
    int status = 0;

    memset(mix, 0, sizeof *mix);
    while (rest != NULL && status == 0)
        status = add_host(mix, strsep(&rest, ","), err);
    free(copy);
    for (uint32_t i = 0; i < mix->count; i++)
        sum += mix->hosts[i].weight;
    if (status == 0 && !(sum > 0 && sum <= 1e300))
        return error_set(err, "--mix: the sum of the weights is %s", sum > 0 ? "too large" : "0");
    return status;
}

void mix_option_release(struct mix_option *mix)
{
    for (uint32_t i = 0; i < mix->count; i++)
        free(mix->hosts[i].path);
    memset(mix, 0, sizeof *mix);
}

bool mix_option_needs_model(const struct mix_option *mix)
{
    for (uint32_t i = 0; i < mix->count; i++) {
        if (mix->hosts[i].path == NULL)
            return true;
    }
    return false;
}
