#include "flow/application.h"

/* In place of application.c in a build without libndpi: nobody gets a labeller to call the rest with. */

bool application_labeller_is_available(void)
{
    return false;
}

struct application_labeller *application_labeller_new(size_t max_bytes, struct error *err)
{
    (void)max_bytes;
    error_set(err, "applications cannot be told: dayshift was built without libndpi");
    return NULL;
}

void application_labeller_free(struct application_labeller *labeller)
{
    (void)labeller;
}

const char *application_inspect(struct application_labeller *labeller,
                                struct application_inspection *inspection,
                                const struct packet_view *packet)
{
    (void)labeller;
    (void)inspection;
    (void)packet;
    return NULL;
}

const char *application_conclude(struct application_labeller *labeller,
                                 struct application_inspection *inspection)
{
    (void)labeller;
    (void)inspection;
    return NULL;
}

uint64_t application_labeller_refused(const struct application_labeller *labeller)
{
    (void)labeller;
    return 0;
}
