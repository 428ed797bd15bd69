#include "emit/address_claims.h"

#include <stdio.h>

bool address_claims_has(const struct address_claims *claims, const struct ip_address *address)
{
    size_t count = atomic_load_explicit(&claims->count, memory_order_acquire);

    for (size_t i = 0; i < count; i++) {
        if (ip_address_equal(&claims->claims[i].address, address))
            return true;
    }
    return false;
}

bool address_claims_add(struct address_claims *claims, const struct address_claim *claim)
{
    size_t count = atomic_load_explicit(&claims->count, memory_order_relaxed);

    if (count == ADDRESS_CLAIMS_MOST || address_claims_has(claims, &claim->address))
        return false;
    claims->claims[count] = *claim;
    atomic_store_explicit(&claims->count, count + 1, memory_order_release);
    return true;
}

const char *address_claim_format(const struct address_claim *claim, char text[ADDRESS_CLAIM_TEXT])
{
    char address[IP_ADDRESS_TEXT];
    const uint8_t *mac = claim->mac;

    snprintf(text, ADDRESS_CLAIM_TEXT, "%s (%02x:%02x:%02x:%02x:%02x:%02x)", ip_address_format(&claim->address, address),
             mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    return text;
}
