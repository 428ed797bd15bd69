#include "emit/address_claims.h"

#include <stdio.h>
#include <string.h>

#include "net/mac_address.h"

void address_claims_init(struct address_claims *claims)
{
    memset(claims, 0, sizeof *claims);
    pthread_mutex_init(&claims->lock, NULL);
}

void address_claims_release(struct address_claims *claims)
{
    pthread_mutex_destroy(&claims->lock);
}

static bool has(const struct claim_table *table, const struct ip_address *address)
{
    for (size_t i = 0; i < table->count; i++) {
        if (ip_address_equal(&table->claims[i].address, address))
            return true;
    }
    return false;
}

bool address_claims_has(const struct address_claims *claims, const struct ip_address *address)
{
    for (int kind = 0; kind < CLAIM_KINDS; kind++) {
        if (has(&claims->tables[kind], address))
            return true;
    }
    return false;
}

static struct address_claim *place_for_one(struct claim_table *table)
{
    struct address_claim *oldest = &table->claims[table->oldest];

    if (table->count < ADDRESS_CLAIMS_MOST)
        return &table->claims[table->count++];
    table->oldest = (table->oldest + 1) % ADDRESS_CLAIMS_MOST;
    return oldest;
}

bool address_claims_add(struct address_claims *claims, const struct address_claim *claim)
{
    struct claim_table *table = &claims->tables[claim->kind];

    if (has(table, &claim->address))
        return false;
    *place_for_one(table) = *claim;
    pthread_mutex_lock(&claims->lock);
    if (table->untold_count++ == 0)
        table->untold = *claim;
    pthread_mutex_unlock(&claims->lock);
    return true;
}

uint64_t address_claims_take_untold(struct address_claims *claims, enum claim_kind kind, struct address_claim *first)
{
    struct claim_table *table = &claims->tables[kind];
    uint64_t count;

    pthread_mutex_lock(&claims->lock);
    count = table->untold_count;
    *first = table->untold;
    table->untold_count = 0;
    pthread_mutex_unlock(&claims->lock);
    return count;
}

const char *address_claim_format(const struct address_claim *claim, char text[ADDRESS_CLAIM_TEXT])
{
    char address[IP_ADDRESS_TEXT];
    char mac[MAC_TEXT];

    snprintf(text, ADDRESS_CLAIM_TEXT, "%s (%s)", ip_address_format(&claim->address, address),
             mac_format(claim->mac, mac));
    return text;
}
