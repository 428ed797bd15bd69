#include "dayshift/session_options.h"

#include "session/packet_model.h"

const char *session_options_packet_models(char text[TEXT_NAMES])
{
    const struct packet_model *model;

    text[0] = '\0';
    for (size_t i = 0; (model = packet_model_at(i)) != NULL; i++)
        text_add_name(text, model->name);
    return text;
}

int session_options_set_packet_model(struct session_options *options, const char *name, struct error *err)
{
    const struct packet_model *model = packet_model_find(name);
    char names[TEXT_NAMES];

    if (model == NULL)
        return error_set(err, "'%s' is not one of: %s", name, session_options_packet_models(names));
    options->packet_model = model->name;
    return 0;
}
