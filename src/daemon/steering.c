#include "daemon/steering.h"

void steering_init(struct steering *steering, const struct schedule *schedule)
{
    *steering = (struct steering){ .lock = PTHREAD_MUTEX_INITIALIZER, .schedule = *schedule };
}

void steering_release(struct steering *steering)
{
    pthread_mutex_destroy(&steering->lock);
}

static void begin_order(struct steering *steering)
{
    pthread_mutex_lock(&steering->lock);
    atomic_store(&steering->has_orders, true);
}

static void end_order(struct steering *steering)
{
    pthread_mutex_unlock(&steering->lock);
}

void steering_set_speed(struct steering *steering, double speed)
{
    begin_order(steering);
    steering->speed = speed;
    end_order(steering);
}

void steering_set_activity(struct steering *steering, double activity)
{
    begin_order(steering);
    steering->activity = activity;
    end_order(steering);
}

void steering_skip(struct steering *steering, int64_t ns)
{
    begin_order(steering);
    steering->skip_ns += ns;
    end_order(steering);
}

void steering_finish(struct steering *steering, int64_t within_ns)
{
    begin_order(steering);
    steering->finish = true;
    steering->finish_ns = within_ns;
    end_order(steering);
}

/* With the lock: the orders, which are then taken. */
static struct steering take_orders(struct steering *steering)
{
    struct steering orders = { .speed = steering->speed, .activity = steering->activity,
                               .skip_ns = steering->skip_ns, .finish = steering->finish,
                               .finish_ns = steering->finish_ns };

    steering->speed = 0;
    steering->activity = 0;
    steering->skip_ns = 0;
    steering->finish = false;
    return orders;
}

struct day_time steering_day_time(struct steering *steering, struct run_time now)
{
    struct schedule schedule;

    pthread_mutex_lock(&steering->lock);
    schedule = steering->schedule;
    pthread_mutex_unlock(&steering->lock);
    return schedule_day_time(&schedule, now);
}

static void carry_out(const struct steering *orders, struct scenario *scenario, struct run_time now)
{
    if (orders->speed > 0)
        scenario_set_speed(scenario, orders->speed, now);
    if (orders->activity > 0)
        scenario_set_activity(scenario, orders->activity, now);
    if (orders->skip_ns != 0)
        scenario_skip(scenario, orders->skip_ns, now);
    if (orders->finish)
        scenario_finish(scenario, now, orders->finish_ns);
}

void steering_apply(struct steering *steering, struct scenario *scenario, struct run_time now)
{
    struct steering orders;

    pthread_mutex_lock(&steering->lock);
    atomic_store(&steering->has_orders, false);
    orders = take_orders(steering);
    pthread_mutex_unlock(&steering->lock);
    carry_out(&orders, scenario, now);
    steering->is_finished = steering->is_finished || orders.finish;
    pthread_mutex_lock(&steering->lock);
    steering->schedule = *scenario_schedule(scenario);
    pthread_mutex_unlock(&steering->lock);
}
