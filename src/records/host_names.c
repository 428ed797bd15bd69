#include "records/host_names.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/hash_key.h"
#include "base/memory.h"
#include "base/random.h"

enum {
    FIRST_SLOTS = 1024,     /* a power of two */
    MAX_PROBES = 64,        /* addresses tried for one name: more is an attack, not chance */
    NUMBER_DIGITS = 10,
    CLASS_PREFIX = 96
};

#define HASHED_REST UINT32_C(0x80000000)
#define UNNAMED UINT64_MAX          /* the address of those for whom there is no room */
#define UNNAMED_CLASS UINT32_MAX    /* so no class has this number */
#define MOST_BYTES (UINT64_C(1) << 37) /* so that an index of 32 bits is enough */

static const uint8_t discard_prefix[8] = { 0x01, 0x00 };
static const char no_room[] = "there is no memory for more names";

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

/* Of arrays that are half empty, and slots of which three in four are. The text comes on top. */
#define ENTRY_BYTES (2 * sizeof(struct entry) + 4 * 2 * sizeof(uint32_t))

/* What a name of a new class may take. */
#define LARGEST_NAME_BYTES (2 * (ENTRY_BYTES + HOST_NAME_MAX_BYTES + 1))

struct host_names {
    struct hash_key key; /* of the slots */
    struct dictionary hosts, classes;
    struct arena texts;
    size_t bytes, max_bytes;
    uint64_t unnamed;
};

/* FNV-1a, mixed: what a name means on every machine. */
static uint64_t hash_text(const char *text, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
    return random_mix64(hash);
}

static void place(uint32_t *slots, size_t mask, uint64_t hash, uint32_t index)
{
    size_t slot = hash & mask;

    while (slots[slot] != 0)
        slot = (slot + 1) & mask;
    slots[slot] = index + 1;
}

static void dictionary_grow(struct dictionary *d, const struct hash_key *key)
{
    size_t slots = d->slot_mask ? (d->slot_mask + 1) * 2 : FIRST_SLOTS;

    free(d->by_text);
    free(d->by_value);
    d->by_text = memory_alloc_array(slots, sizeof *d->by_text);
    d->by_value = memory_alloc_array(slots, sizeof *d->by_value);
    d->slot_mask = slots - 1;
    for (uint32_t i = 0; i < d->used; i++) {
        place(d->by_text, d->slot_mask,
              hash_bytes(key, d->entries[i].text, strlen(d->entries[i].text)), i);
        place(d->by_value, d->slot_mask, hash_number(key, d->entries[i].value), i);
    }
}

static const struct entry *find_text(const struct dictionary *d, const struct hash_key *key, const char *text,
                                     size_t size)
{
    for (size_t slot = hash_bytes(key, text, size) & d->slot_mask; d->by_text[slot] != 0;
         slot = (slot + 1) & d->slot_mask) {
        const struct entry *entry = &d->entries[d->by_text[slot] - 1];

        if (strncmp(entry->text, text, size) == 0 && entry->text[size] == '\0')
            return entry;
    }
    return NULL;
}

static const struct entry *find_value(const struct dictionary *d, const struct hash_key *key, uint64_t value)
{
    for (size_t slot = hash_number(key, value) & d->slot_mask; d->by_value[slot] != 0;
         slot = (slot + 1) & d->slot_mask) {
        const struct entry *entry = &d->entries[d->by_value[slot] - 1];

        if (entry->value == value)
            return entry;
    }
    return NULL;
}

static void insert(struct host_names *names, struct dictionary *d, const char *text, size_t size,
                   uint64_t value)
{
    const struct hash_key *key = &names->key;
    struct entry *entry;

    if (d->used * 2 > d->slot_mask)
        dictionary_grow(d, key);
    d->entries = memory_grow(d->entries, &d->capacity, d->used + 1, sizeof *d->entries);
    entry = &d->entries[d->used];
    entry->text = arena_alloc(&names->texts, size + 1);
    memcpy(entry->text, text, size);
    entry->value = value;
    place(d->by_text, d->slot_mask, hash_bytes(key, text, size), (uint32_t)d->used);
    place(d->by_value, d->slot_mask, hash_number(key, value), (uint32_t)d->used);
    d->used++;
    names->bytes += ENTRY_BYTES + size + 1;
}

static void dictionary_release(struct dictionary *d)
{
    free(d->entries);
    free(d->by_text);
    free(d->by_value);
}

void host_names_bound(struct host_names *names, size_t max_bytes)
{
    names->max_bytes = max_bytes < MOST_BYTES ? max_bytes : MOST_BYTES;
}

struct host_names *host_names_new(size_t max_bytes)
{
    struct host_names *names = memory_alloc(sizeof *names);

    names->key = hash_key_new();
    host_names_bound(names, max_bytes);
    arena_init(&names->texts);
    dictionary_grow(&names->hosts, &names->key);
    dictionary_grow(&names->classes, &names->key);
    return names;
}

void host_names_free(struct host_names *names)
{
    if (names == NULL)
        return;
    dictionary_release(&names->hosts);
    dictionary_release(&names->classes);
    arena_release(&names->texts);
    free(names);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool host_name_is_valid(const char *name, size_t size)
{
    if (size == 0 || size > HOST_NAME_MAX_BYTES || !is_letter(name[0]))
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

static bool is_full(const struct host_names *names)
{
    return names->max_bytes < LARGEST_NAME_BYTES || names->bytes > names->max_bytes - LARGEST_NAME_BYTES;
}

/* The number of a class, new or known. NULL, or why there is no room for it. */
static const char *class_value(struct host_names *names, const char *text, size_t size, uint64_t *value)
{
    const struct entry *known = find_text(&names->classes, &names->key, text, size);
    uint32_t class = (uint32_t)(hash_text(text, size) >> 32);

    if (known != NULL) {
        *value = known->value;
        return NULL;
    }
    if (is_full(names))
        return no_room;
    if (names->classes.used == HOST_NAMES_MAX_CLASSES)
        return "too many classes of names (the letters they begin with)";
    for (uint32_t i = 0; i < MAX_PROBES; i++) {
        *value = (uint64_t)(class + i) << 32;
        if (class + i != UNNAMED_CLASS && find_value(&names->classes, &names->key, *value) == NULL) {
            insert(names, &names->classes, text, size, *value);
            return NULL;
        }
    }
    return "too many classes of names that look alike";
}

static const char *free_value(const struct host_names *names, const char *name, size_t size,
                              uint64_t class, uint64_t *value)
{
    size_t letters = class_size(name, size);
    uint32_t rest;

    if (!is_plain_number(name + letters, size - letters, &rest))
        rest = (uint32_t)hash_text(name + letters, size - letters) | HASHED_REST;
    for (int i = 0; i < MAX_PROBES; i++) {
        *value = class | rest;
        if (find_value(&names->hosts, &names->key, *value) == NULL)
            return NULL;
        rest = (rest + 1) | HASHED_REST;
    }
    return "too many names that look alike";
}

static struct ip_address address_of(uint64_t value)
{
    struct ip_address address;

    memcpy(address.bytes, discard_prefix, sizeof discard_prefix);
    for (int i = 0; i < 8; i++)
        address.bytes[8 + i] = (uint8_t)(value >> (56 - 8 * i));
    return address;
}

/* NULL, or why there is no room for it. */
static const char *find_or_add(struct host_names *names, const char *name, size_t size, uint64_t *value)
{
    const struct entry *known = find_text(&names->hosts, &names->key, name, size);
    uint64_t class;
    const char *why;

    if (known != NULL) {
        *value = known->value;
        return NULL;
    }
    if (is_full(names))
        return no_room;
    why = class_value(names, name, class_size(name, size), &class);
    if (why == NULL)
        why = free_value(names, name, size, class, value);
    if (why == NULL)
        insert(names, &names->hosts, name, size, *value);
    return why;
}

struct ip_address host_names_address(struct host_names *names, const char *name, size_t size)
{
    uint64_t value;

    if (find_or_add(names, name, size, &value) != NULL) {
        names->unnamed++;
        value = UNNAMED;
    }
    return address_of(value);
}

int host_names_add(struct host_names *names, const char *name, size_t size, struct ip_address *address,
                   struct error *err)
{
    uint64_t value;
    const char *why = find_or_add(names, name, size, &value);

    if (why != NULL)
        return error_set(err, "host name \"%.*s\": %s", (int)size, name, why);
    *address = address_of(value);
    return 0;
}

const char *host_names_name(const struct host_names *names, const struct ip_address *address)
{
    const struct entry *entry;
    uint64_t value = 0;

    if (!ip_address_is_named(address))
        return NULL;
    for (int i = 8; i < 16; i++)
        value = value << 8 | address->bytes[i];
    entry = find_value(&names->hosts, &names->key, value);
    return entry ? entry->text : NULL;
}

size_t host_names_count(const struct host_names *names)
{
    return names->hosts.used;
}

uint64_t host_names_unnamed(const struct host_names *names)
{
    return names->unnamed;
}

int host_names_network(struct host_names *names, const char *text, struct ip_network *network,
                       struct error *err)
{
    size_t size = strlen(text);
    bool is_class = size > 1 && text[size - 1] == '*';
    const char *why;
    uint64_t value;

    if (is_class && size - 1 <= HOST_NAME_MAX_BYTES && class_size(text, size) == size - 1) {
        why = class_value(names, text, size - 1, &value);
        if (why != NULL)
            return error_set(err, "host names \"%s\": %s", text, why);
        *network = (struct ip_network){ address_of(value), CLASS_PREFIX };
        return 0;
    }
    if (!host_name_is_valid(text, size))
        return error_set(err, "\"%.*s\" is neither a host name nor letters and an asterisk, as in \"Comp*\"",
                         HOST_NAME_MAX_BYTES, text);
    network->prefix = 128;
    return host_names_add(names, text, size, &network->base, err);
}

const char *host_names_class(const struct host_names *names, const struct ip_network *network)
{
    const struct entry *entry;
    uint64_t value = 0;

    if (!ip_address_is_named(&network->base) || network->prefix != CLASS_PREFIX)
        return NULL;
    for (int i = 8; i < 12; i++)
        value = value << 8 | network->base.bytes[i];
    entry = find_value(&names->classes, &names->key, value << 32);
    return entry ? entry->text : NULL;
}

bool ip_address_is_named(const struct ip_address *address)
{
    return memcmp(address->bytes, discard_prefix, sizeof discard_prefix) == 0;
}
