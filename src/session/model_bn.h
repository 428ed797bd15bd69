/*
 * model_bn.h - the packet models "bn" and "bn-tcp": Falk's Bayesian network over all services, with the service as its
 * label; where services are pooled, a session is of one of them.
 *
 * TCP has a network of its own, as in the paper, which knows nothing else; all other protocols share one.
 */
#ifndef SESSION_MODEL_BN_H
#define SESSION_MODEL_BN_H

#include "session/packet_model.h"

extern const struct packet_model packet_model_bn;     /* as in the paper */
extern const struct packet_model packet_model_bn_tcp; /* the same, but TCP's machine allows what it draws */

#endif
