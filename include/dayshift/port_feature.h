/*
 * port_feature.h - ports as features of a model, and back (Song, section III-C).
 *
 * Well-known ports 0..1024 stand for themselves, the 48,127 registered ports 1025..49151
 * fall into 20 bins, the ephemeral ports 49152..65535 into one: 1046 features.
 */
#ifndef DAYSHIFT_PORT_FEATURE_H
#define DAYSHIFT_PORT_FEATURE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PORT_REGISTERED_FIRST = 1025,
    PORT_EPHEMERAL_FIRST = 49152,
    PORT_REGISTERED_BINS = 20,
    PORT_FEATURES = PORT_REGISTERED_FIRST + PORT_REGISTERED_BINS + 1
};

static inline uint32_t port_feature_of(uint16_t port)
{
    uint32_t registered = PORT_EPHEMERAL_FIRST - PORT_REGISTERED_FIRST;

    if (port < PORT_REGISTERED_FIRST)
        return port;
    if (port >= PORT_EPHEMERAL_FIRST)
        return PORT_FEATURES - 1;
    return PORT_REGISTERED_FIRST +
           (uint32_t)(port - PORT_REGISTERED_FIRST) * PORT_REGISTERED_BINS / registered;
}

/* True when the feature is a single port. */
static inline bool port_feature_is_exact(uint32_t feature)
{
    return feature < PORT_REGISTERED_FIRST;
}

/* The lowest port of a feature; port_feature_first(feature + 1) is one above its highest. */
static inline uint32_t port_feature_first(uint32_t feature)
{
    uint32_t registered = PORT_EPHEMERAL_FIRST - PORT_REGISTERED_FIRST;
    uint32_t bin = feature - PORT_REGISTERED_FIRST;

    if (feature <= PORT_REGISTERED_FIRST)
        return feature;
    if (feature >= PORT_FEATURES)
        return UINT16_MAX + 1;
    return PORT_REGISTERED_FIRST + (bin * registered + PORT_REGISTERED_BINS - 1) / PORT_REGISTERED_BINS;
}

#endif
