#include "similarity/reference_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static void fill_gram(struct reference_set *set)
{
    set->gram = memory_alloc_array((size_t)set->count * set->count, sizeof *set->gram);
    for (uint32_t i = 0; i < set->count; i++) {
        for (uint32_t j = 0; j <= i; j++) {
            double value = product_kernel_value(set->kernel, &set->sides[i], &set->sides[j]);

            set->gram[(size_t)i * set->count + j] = value;
            set->gram[(size_t)j * set->count + i] = value;
        }
    }
}

void reference_set_init(struct reference_set *set, const struct behaviour *behaviours, uint32_t count,
                        uint32_t most)
{
    set->count = count < most ? count : most;
    set->kernel = product_kernel_new(&kernel_default_shape);
    set->sides = memory_alloc_array(set->count, sizeof *set->sides);
    set->hosts = memory_alloc_array(set->count, sizeof *set->hosts);
    for (uint32_t i = 0; i < set->count; i++) {
        set->hosts[i] = (uint32_t)((uint64_t)i * count / set->count);
        kernel_side_init(&set->sides[i], set->kernel, &behaviours[set->hosts[i]]);
    }
    fill_gram(set);
}

void reference_set_release(struct reference_set *set)
{
    for (uint32_t i = 0; i < set->count; i++)
        kernel_side_release(&set->sides[i]);
    product_kernel_free(set->kernel);
    free(set->sides);
    free(set->hosts);
    free(set->gram);
    memset(set, 0, sizeof *set);
}

static int compare_hosts(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

void reference_set_compare(struct reference_set *set, const struct behaviour *behaviours, uint32_t host,
                           double *kernels)
{
    const uint32_t *known = bsearch(&host, set->hosts, set->count, sizeof *set->hosts, compare_hosts);
    struct kernel_side side;

    if (known) {
        memcpy(kernels, set->gram + (size_t)(known - set->hosts) * set->count,
               set->count * sizeof *kernels);
        return;
    }
    kernel_side_init(&side, set->kernel, &behaviours[host]);
    for (uint32_t i = 0; i < set->count; i++)
        kernels[i] = product_kernel_value(set->kernel, &side, &set->sides[i]);
    kernel_side_release(&side);
}
