#include "cli/session_choice.h"

#include <stdio.h>

const char *session_choice_help(char text[SESSION_CHOICE_HELP])
{
    char names[TEXT_NAMES];

    snprintf(text, SESSION_CHOICE_HELP,
             "      --truth FILE       also write what every session was, one line each: ends, time, packets,\n"
             "                         bytes, flags, class and how it ended (CSV)\n"
             "      --packet-model M   how packets follow one another, the first by default:\n"
             "                         %s\n"
             "      --impairments HOW  what the network does to packets: learned (default), none, or rates such as\n"
             "                         retransmission=0.01,reordering=0,duplication=0,fragmentation=0,unanswered=0\n",
             session_options_packet_models(names));
    return text;
}

int session_choice_take(struct session_choice *choice, int option, const char *value, struct error *err)
{
    switch (option) {
    case SESSION_CHOICE_TRUTH: choice->truth = value; return 0;
    case SESSION_CHOICE_PACKET_MODEL:
        return session_options_set_packet_model(&choice->how, value, err) < 0 ? error_prefix(err, "--packet-model") : 0;
    default:
        return impairment_rates_parse(&choice->how.impairments, value, err) < 0 ? error_prefix(err, "--impairments")
                                                                                : 0;
    }
}
