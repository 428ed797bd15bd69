#include "records/name_table.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/memory.h"
#include "base/random.h"

enum {
    FIRST_SLOTS = 1024,     /* a power of two */
    MAX_PROBES = 64,        /* addresses tried for one name: more is an attack, not chance */
    NUMBER_DIGITS = 10,
    CLASS_PREFIX = 96
};

#define HASHED_REST UINT32_C(0x80000000)

static const uint8_t discard_prefix[8] = { 0x01, 0x00 };

/* A text and what it stands for: a name and its address, or a class and its number. */
struct entry {
    char *text;
    uint64_t value; /* class << 32 | rest; of a class: class << 32 */
};

/* Entries by text, and again by value. Slots hold an index + 1; 0 is empty. */
struct dictionary {
    struct entry *entries;
    size_t used, capacity;
    uint32_t *by_text, *by_value;
    size_t slot_mask;
};

struct name_table {
    uint64_t secret; /* of the slots, so that no log can fill one; no result depends on it */
    struct dictionary names, classes;
};

/* FNV-1a, mixed: what a name means on every machine. */
static uint64_t hash_text(const char *text, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
    return random_mix64(hash);
}

/* Eight bytes at a time, keyed. */
static uint64_t hash_slot(uint64_t secret, const char *text, size_t size)
{
    uint64_t hash = secret ^ size;

    while (size > 0) {
        uint64_t part = 0;
        size_t bytes = size < sizeof part ? size : sizeof part;

        memcpy(&part, text, bytes);
        hash = random_mix64(hash ^ part) + secret;
        text += bytes;
        size -= bytes;
    }
    return hash;
}

static void place(uint32_t *slots, size_t mask, uint64_t hash, uint32_t index)
{
    size_t slot = hash & mask;

    while (slots[slot] != 0)
        slot = (slot + 1) & mask;
    slots[slot] = index + 1;
}

static void dictionary_grow(struct dictionary *d, uint64_t secret)
{
    size_t slots = d->slot_mask ? (d->slot_mask + 1) * 2 : FIRST_SLOTS;

    free(d->by_text);
    free(d->by_value);
    d->by_text = memory_alloc_array(slots, sizeof *d->by_text);
    d->by_value = memory_alloc_array(slots, sizeof *d->by_value);
    d->slot_mask = slots - 1;
    for (uint32_t i = 0; i < d->used; i++) {
        place(d->by_text, d->slot_mask,
              hash_slot(secret, d->entries[i].text, strlen(d->entries[i].text)), i);
        place(d->by_value, d->slot_mask, random_mix64(d->entries[i].value ^ secret), i);
    }
}

static const struct entry *find_text(const struct dictionary *d, uint64_t secret, const char *text,
                                     size_t size)
{
    for (size_t slot = hash_slot(secret, text, size) & d->slot_mask; d->by_text[slot] != 0;
         slot = (slot + 1) & d->slot_mask) {
        const struct entry *entry = &d->entries[d->by_text[slot] - 1];

        if (strncmp(entry->text, text, size) == 0 && entry->text[size] == '\0')
            return entry;
    }
    return NULL;
}

static const struct entry *find_value(const struct dictionary *d, uint64_t secret, uint64_t value)
{
    for (size_t slot = random_mix64(value ^ secret) & d->slot_mask; d->by_value[slot] != 0;
         slot = (slot + 1) & d->slot_mask) {
        const struct entry *entry = &d->entries[d->by_value[slot] - 1];

        if (entry->value == value)
            return entry;
    }
    return NULL;
}

static void dictionary_insert(struct dictionary *d, uint64_t secret, const char *text, size_t size,
                              uint64_t value)
{
    struct entry *entry;

    if (d->used * 2 > d->slot_mask)
        dictionary_grow(d, secret);
    d->entries = memory_grow(d->entries, &d->capacity, d->used + 1, sizeof *d->entries);
    entry = &d->entries[d->used];
    entry->text = memory_alloc(size + 1);
    memcpy(entry->text, text, size);
    entry->value = value;
    place(d->by_text, d->slot_mask, hash_slot(secret, text, size), (uint32_t)d->used);
    place(d->by_value, d->slot_mask, random_mix64(value ^ secret), (uint32_t)d->used);
    d->used++;
}

static void dictionary_release(struct dictionary *d)
{
    for (size_t i = 0; i < d->used; i++)
        free(d->entries[i].text);
    free(d->entries);
    free(d->by_text);
    free(d->by_value);
}

struct name_table *name_table_new(void)
{
    struct name_table *table = memory_alloc(sizeof *table);

    if (getrandom(&table->secret, sizeof table->secret, GRND_NONBLOCK) < 0)
        table->secret = (uintptr_t)table;
    dictionary_grow(&table->names, table->secret);
    dictionary_grow(&table->classes, table->secret);
    return table;
}

void name_table_free(struct name_table *table)
{
    if (table == NULL)
        return;
    dictionary_release(&table->names);
    dictionary_release(&table->classes);
    free(table);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool name_is_valid(const char *name, size_t size)
{
    if (size == 0 || size > NAME_MAX_BYTES || !is_letter(name[0]))
        return false;
    for (size_t i = 1; i < size; i++) {
        if (!is_letter(name[i]) && !is_digit(name[i]) && name[i] != '-' && name[i] != '_' &&
            name[i] != '.')
            return false;
    }
    return true;
}

static size_t class_size(const char *name, size_t size)
{
    size_t letters = 0;

    while (letters < size && is_letter(name[letters]))
        letters++;
    return letters;
}

/* The rest of a name, when it is a number that says itself. */
static bool is_plain_number(const char *rest, size_t size, uint32_t *number)
{
    uint64_t value = 0;

    if (size == 0 || size > NUMBER_DIGITS || (rest[0] == '0' && size > 1))
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!is_digit(rest[i]))
            return false;
        value = value * 10 + (uint64_t)(rest[i] - '0');
    }
    *number = (uint32_t)value;
    return value < HASHED_REST;
}

static int class_value(struct name_table *table, const char *text, size_t size, uint64_t *value,
                       struct error *err)
{
    const struct entry *known = find_text(&table->classes, table->secret, text, size);
    uint32_t class = (uint32_t)(hash_text(text, size) >> 32);

    if (known != NULL) {
        *value = known->value;
        return 0;
    }
    if (table->classes.used == NAME_TABLE_MAX_CLASSES)
        return error_set(err, "host name \"%.*s\": more than %d classes of names (the letters they begin with)",
                         (int)size, text, NAME_TABLE_MAX_CLASSES);
    for (uint32_t i = 0; i < MAX_PROBES; i++) {
        *value = (uint64_t)(class + i) << 32;
        if (find_value(&table->classes, table->secret, *value) == NULL) {
            dictionary_insert(&table->classes, table->secret, text, size, *value);
            return 0;
        }
    }
    return error_set(err, "host name \"%.*s\": too many classes of names that look alike", (int)size, text);
}

static int free_value(const struct name_table *table, const char *name, size_t size, uint64_t class,
                      uint64_t *value, struct error *err)
{
    size_t letters = class_size(name, size);
    uint32_t rest;

    if (!is_plain_number(name + letters, size - letters, &rest))
        rest = (uint32_t)hash_text(name + letters, size - letters) | HASHED_REST;
    for (int i = 0; i < MAX_PROBES; i++) {
        *value = class | rest;
        if (find_value(&table->names, table->secret, *value) == NULL)
            return 0;
        rest = (rest + 1) | HASHED_REST;
    }
    return error_set(err, "host name \"%.*s\": too many names that look alike", (int)size, name);
}

static struct ip_address address_of(uint64_t value)
{
    struct ip_address address;

    memcpy(address.bytes, discard_prefix, sizeof discard_prefix);
    for (int i = 0; i < 8; i++)
        address.bytes[8 + i] = (uint8_t)(value >> (56 - 8 * i));
    return address;
}

int name_table_address(struct name_table *table, const char *name, size_t size,
                       struct ip_address *address, struct error *err)
{
    const struct entry *known = find_text(&table->names, table->secret, name, size);
    uint64_t class, value;

    if (known != NULL) {
        *address = address_of(known->value);
        return 0;
    }
    if (table->names.used == NAME_TABLE_MAX)
        return error_set(err, "host name \"%.*s\": more than %d names", (int)size, name, NAME_TABLE_MAX);
    if (class_value(table, name, class_size(name, size), &class, err) < 0 ||
        free_value(table, name, size, class, &value, err) < 0)
        return -1;
    dictionary_insert(&table->names, table->secret, name, size, value);
    *address = address_of(value);
    return 0;
}

const char *name_table_name(const struct name_table *table, const struct ip_address *address)
{
    const struct entry *entry;
    uint64_t value = 0;

    if (!ip_address_is_named(address))
        return NULL;
    for (int i = 8; i < 16; i++)
        value = value << 8 | address->bytes[i];
    entry = find_value(&table->names, table->secret, value);
    return entry ? entry->text : NULL;
}

size_t name_table_count(const struct name_table *table)
{
    return table->names.used;
}

int name_table_network(struct name_table *table, const char *text, struct ip_network *network,
                       struct error *err)
{
    size_t size = strlen(text);
    bool is_class = size > 1 && text[size - 1] == '*';
    uint64_t value;

    if (is_class && size - 1 <= NAME_MAX_BYTES && class_size(text, size) == size - 1) {
        if (class_value(table, text, size - 1, &value, err) < 0)
            return -1;
        *network = (struct ip_network){ address_of(value), CLASS_PREFIX };
        return 0;
    }
    if (!name_is_valid(text, size))
        return error_set(err, "\"%.*s\" is neither a host name nor letters and an asterisk, as in \"Comp*\"",
                         NAME_MAX_BYTES, text);
    network->prefix = 128;
    return name_table_address(table, text, size, &network->base, err);
}

bool ip_address_is_named(const struct ip_address *address)
{
    return memcmp(address->bytes, discard_prefix, sizeof discard_prefix) == 0;
}
