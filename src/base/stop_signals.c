#include "base/stop_signals.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/* A handler has no argument, hence these. */
static atomic_bool *stop_on_signal;
static volatile sig_atomic_t signal_caught;

static void request_stop(int number)
{
    signal_caught = number;
    atomic_store(stop_on_signal, true);
}

static void collect(sigset_t *signals)
{
    struct sigaction inherited;

    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
    sigaction(SIGHUP, NULL, &inherited);
    if (inherited.sa_handler != SIG_IGN)
        sigaddset(signals, SIGHUP);
}

/* Without SA_RESTART: a write to a pipe that nobody reads ends too. */
static void handle(void (*handler)(int))
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction action = { .sa_handler = handler };
    sigset_t signals;

    collect(&signals);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (sigismember(&signals, numbers[i]))
            sigaction(numbers[i], &action, NULL);
    }
}

static const char *name_of(int number)
{
    return number == SIGINT ? "SIGINT" : number == SIGHUP ? "SIGHUP" : "SIGTERM";
}

void stop_signals_catch(atomic_bool *stop)
{
    stop_on_signal = stop;
    handle(request_stop);
}

const char *stop_signals_caught(void)
{
    return signal_caught != 0 ? name_of(signal_caught) : NULL;
}

void stop_signals_release(void)
{
    handle(SIG_DFL);
}
