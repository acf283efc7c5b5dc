/* Values that move with time: the same wall time always gives the same value. */

#include "scenario.h"

#include <math.h>
#include <stdint.h>

static const double COUNTING_SINCE = 1735689600; /* 2025-01-01: what is counted never falls */
static const double LONGEST_STEP = 1.0; /* seconds between two points of an integral */

static double between(double low, double high, double share)
{
    return low + (high - low) * share;
}

/* A number in [0, 1) that depends on a whole step and a seed only (splitmix64's finaliser). */
static double scattered(double step, double seed)
{
    uint64_t mixed = (uint64_t)(int64_t)step * 0x9E3779B97F4A7C15u + (uint64_t)(int64_t)seed;

    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    mixed ^= mixed >> 31;
    return (double)(mixed >> 11) / 9007199254740992.0;
}

static double noise_at(const double *arguments, double now)
{
    double position = now / arguments[2];
    double step = floor(position);
    double here = scattered(step, arguments[3]);
    double next = scattered(step + 1, arguments[3]);

    return between(arguments[0], arguments[1], between(here, next, position - step));
}

double signal_at(const struct signal *signal, double now, double loaded_at)
{
    const double *arguments = signal->arguments;

    switch (signal->kind) {
    case WAVE:
        return between(arguments[0], arguments[1],
                       (1 - cos(2 * M_PI * (now + arguments[3]) / arguments[2])) / 2);
    case NOISE:
        return noise_at(arguments, now);
    case RAMP:
        return between(arguments[0], arguments[1],
                       fmin(1, fmax(0, (now - loaded_at) / arguments[2])));
    case COUNT:
        return floor(arguments[1] + arguments[0] * (now - COUNTING_SINCE));
    default:
        return arguments[0];
    }
}

double signal_integral(const struct signal *signal, double start, double end, double loaded_at)
{
    double sum = 0;
    double steps = ceil((end - start) / LONGEST_STEP);

    if (signal == NULL || signal->kind == SENTINEL || end <= start)
        return 0;
    for (double step = 0; step < steps; step++) {
        double left = between(start, end, step / steps);
        double right = between(start, end, (step + 1) / steps);
        double mean = (signal_at(signal, left, loaded_at) + signal_at(signal, right, loaded_at)) / 2;

        sum += fmax(0, mean) * (right - left);
    }
    return sum;
}
