/*
 * bench_similarity MODEL HOSTS...: CPU time of a kernel value, and of finding crowds of so many hosts,
 * which are those of the model again and again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "model/model.h"
#include "similarity/crowds.h"
#include "similarity/product_kernel.h"
#include "bench.h"

enum { VALUES = 200000 };

/* All pairs in turn. */
static void bench_kernel(const struct behaviour *behaviours, uint32_t count)
{
    struct product_kernel *kernel = product_kernel_new(&kernel_default_shape);
    struct kernel_side *sides = memory_alloc_array(count, sizeof *sides);
    double sum = 0;
    double begin;

    for (uint32_t i = 0; i < count; i++)
        kernel_side_init(&sides[i], kernel, &behaviours[i]);
    begin = bench_cpu_seconds();
    for (uint32_t i = 0; i < VALUES; i++)
        sum += product_kernel_value(kernel, &sides[i % count], &sides[i / count % count]);
    printf("kernel   %.2f us a value (mean of all pairs %.3f)\n", (bench_cpu_seconds() - begin) / VALUES * 1e6,
           sum / VALUES);
    for (uint32_t i = 0; i < count; i++)
        kernel_side_release(&sides[i]);
    free(sides);
    product_kernel_free(kernel);
}

static void bench_crowds(const struct behaviour *behaviours, uint32_t count, uint32_t hosts)
{
    struct behaviour *all = memory_alloc_array(hosts, sizeof *all);
    uint32_t *crowd = memory_alloc_array(hosts, sizeof *crowd);
    struct error err = { "" };
    double begin = bench_cpu_seconds();
    int found;

    for (uint32_t i = 0; i < hosts; i++)
        all[i] = behaviours[i % count];
    found = crowds_find(all, hosts, 1, crowd, &err);
    printf("crowds   %.3f s for %u hosts (%d crowds)\n", bench_cpu_seconds() - begin, hosts, found);
    free(crowd);
    free(all);
}

int main(int argc, char **argv)
{
    struct error err = { "" };
    struct model *model = argc > 1 ? model_load(argv[1], &err) : NULL;
    struct behaviour *behaviours;

    if (model == NULL || model->host_count == 0) {
        fprintf(stderr, "bench_similarity: %s\n", argc > 1 ? err.text : "a model is needed");
        return EXIT_FAILURE;
    }
    behaviours = memory_alloc_array(model->host_count, sizeof *behaviours);
    for (uint32_t i = 0; i < model->host_count; i++)
        behaviour_init_of_host(&behaviours[i], &model->hosts[i]);
    bench_kernel(behaviours, model->host_count);
    for (int i = 2; i < argc; i++)
        bench_crowds(behaviours, model->host_count, (uint32_t)strtoul(argv[i], NULL, 10));
    for (uint32_t i = 0; i < model->host_count; i++)
        behaviour_release(&behaviours[i]);
    free(behaviours);
    model_free(model);
    return EXIT_SUCCESS;
}
