#include "eval/domain_checks.h"

#include "net/wire.h"

static bool passes(const struct flow_record *record, enum domain_check check)
{
    switch (check) {
    case DOMAIN_HANDSHAKE:
        return record->opening == FLOW_OPENING_HANDSHAKE;
    case DOMAIN_NO_DATA_BEFORE_HANDSHAKE:
        return !(record->findings & FLOW_DATA_BEFORE_HANDSHAKE);
    case DOMAIN_NO_DUPLICATE_HANDSHAKE:
        return !(record->findings & FLOW_DUPLICATE_HANDSHAKE);
    case DOMAIN_TERMINATION:
        return record->ending != FLOW_ENDING_NONE;
    case DOMAIN_NO_DATA_AFTER_TERMINATION:
        return !(record->findings & FLOW_DATA_AFTER_TERMINATION);
    case DOMAIN_CHECKS:
        break;
    }
    return false;
}

void domain_checks_add(struct domain_checks *checks, const struct flow_record *record)
{
    if (record->protocol != IP_TCP)
        return;
    checks->flows++;
    for (int check = 0; check < DOMAIN_CHECKS; check++)
        checks->passed[check] += passes(record, (enum domain_check)check);
}

double domain_checks_share(const struct domain_checks *checks, enum domain_check check)
{
    return checks->flows ? (double)checks->passed[check] / (double)checks->flows : 0;
}

const char *domain_check_name(enum domain_check check)
{
    static const char *const names[DOMAIN_CHECKS] = {
        [DOMAIN_HANDSHAKE] = "handshake observed",
        [DOMAIN_NO_DATA_BEFORE_HANDSHAKE] = "no data before handshake",
        [DOMAIN_NO_DUPLICATE_HANDSHAKE] = "no duplicate handshake",
        [DOMAIN_TERMINATION] = "termination observed",
        [DOMAIN_NO_DATA_AFTER_TERMINATION] = "no data after termination",
    };

    return names[check];
}
