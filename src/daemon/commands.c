#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* open_memstream */
#endif
#include "daemon/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "daemon/configuration.h"
#include "daemon/control.h"
#include "scenario/scenario.h"

/* A request that was checked. */
struct request {
    const struct run_controls *run;
    const char *argument; /* NULL: none */
    double number;        /* that it is, where it has to be one */
};

/* {"ok": true, "text": text}. */
static json_t *done(const char *text)
{
    return json_pack("{s:b,s:s}", "ok", 1, "text", text);
}

/* The same, with {name: value}. */
static json_t *done_with(const char *name, double value)
{
    char text[TEXT_NUMBER];
    json_t *answer;

    snprintf(text, sizeof text, "%s %g", name, value);
    answer = done(text);
    json_object_set_new(answer, name, json_real(value));
    return answer;
}

static json_t *run_pause(const struct request *request)
{
    struct error err = { "" };

    return request->run->pause(request->run->self, &err) < 0 ? control_error(err.text) : done("paused");
}

static json_t *run_resume(const struct request *request)
{
    request->run->resume(request->run->self);
    return done("resumed");
}

static json_t *run_speed(const struct request *request)
{
    struct error err = { "" };

    if (request->run->set_speed(request->run->self, request->number, &err) < 0)
        return control_error(err.text);
    return done_with("speed", request->number);
}

static json_t *run_activity(const struct request *request)
{
    struct error err = { "" };

    if (request->run->set_activity(request->run->self, request->number, &err) < 0)
        return control_error(err.text);
    return done_with("activity", request->number);
}

static json_t *table_answer(const struct status *status)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    json_t *answer;

    if (to == NULL)
        return control_error("not enough memory");
    status_print(status, to);
    fclose(to);
    answer = text ? done(text) : NULL;
    free(text);
    return answer ? answer : control_error("there is a name that is no UTF-8");
}

static json_t *run_status(const struct request *request)
{
    struct status status = { 0 };

    if (request->argument != NULL && strcmp(request->argument, "table") != 0)
        return control_error("status: may be followed by 'table', and by nothing else");
    request->run->fill_status(request->run->self, &status);
    return request->argument ? table_answer(&status) : status_json(&status);
}

static json_t *run_reload(const struct request *request)
{
    struct error err = { "" };

    return request->run->reload(request->run->self, &err) < 0 ? control_error(err.text) : NULL;
}

static json_t *run_stop(const struct request *request)
{
    request->run->stop(request->run->self);
    return done("stopping");
}

static const struct command {
    const char *name;
    size_t least_words, most_words;
    double least, most; /* of the number that the second word is; 0, 0: it is none */
    json_t *(*run)(const struct request *request);
} commands[] = {
    { "pause", 1, 1, 0, 0, run_pause },
    { "resume", 1, 1, 0, 0, run_resume },
    { "speed", 2, 2, CONFIGURATION_LEAST_SPEED, CONFIGURATION_MOST_SPEED, run_speed },
    { "activity", 2, 2, SCENARIO_LEAST_ACTIVITY, SCENARIO_MOST_ACTIVITY, run_activity },
    { "status", 1, 2, 0, 0, run_status },
    { "reload", 1, 1, 0, 0, run_reload },
    { "stop", 1, 1, 0, 0, run_stop },
};

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static int take_number(const struct command *command, struct request *request, struct error *err)
{
    if (text_to_double(request->argument, &request->number) < 0 || request->number < command->least ||
        request->number > command->most)
        return error_set(err, "%s: '%s' is not a number from %.7g to %.7g", command->name, request->argument,
                         command->least, command->most);
    return 0;
}

static int check(const struct command *command, const char *const *words, size_t count, struct request *request,
                 struct error *err)
{
    if (command == NULL)
        return error_set(err, "'%s' is no command", words[0]);
    if (count < command->least_words)
        return error_set(err, "%s: a value is missing", command->name);
    if (count > command->most_words)
        return error_set(err, "%s: '%s' is too much", command->name, words[command->most_words]);
    request->argument = count > 1 ? words[1] : NULL;
    return command->most > 0 ? take_number(command, request, err) : 0;
}

json_t *commands_handle(void *controls, const char *const *words, size_t count)
{
    const struct command *command = find_command(words[0]);
    struct request request = { .run = controls };
    struct error err = { "" };

    if (check(command, words, count, &request, &err) < 0)
        return control_error(err.text);
    return command->run(&request);
}

json_t *commands_reload_answer(const char *objection)
{
    return objection ? control_error(objection) : done("reloaded");
}
