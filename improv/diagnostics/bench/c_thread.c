/* A thread in C that sends the grid: it sleeps to each absolute deadline and notes when it woke, nothing else.
 *
 *     c_thread COUNT PERIOD_NS PRIORITY OUT
 *
 * It runs under SCHED_FIFO at PRIORITY where that is granted, as the player does, and writes each deadline and its
 * moment in turn, as 64-bit integers of CLOCK_MONOTONIC in nanoseconds. Its error is the machine's own.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#define SECOND_NS 1000000000

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

int main(int count_of_arguments, char **arguments) {
    if (count_of_arguments != 5)
        return 2;
    long count = atol(arguments[1]);
    int64_t period_ns = atoll(arguments[2]);
    struct sched_param param = {.sched_priority = atoi(arguments[3])};
    int64_t *moments = calloc(2 * count, sizeof *moments);
    FILE *out = fopen(arguments[4], "wb");
    if (!moments || !out)
        return 1;
    prctl(PR_SET_TIMERSLACK, 1);
    sched_setscheduler(0, SCHED_FIFO, &param);
    int64_t due_ns = now_ns();
    for (long index = 0; index < count; index++) {
        due_ns += period_ns;
        struct timespec due = {.tv_sec = due_ns / SECOND_NS, .tv_nsec = due_ns % SECOND_NS};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        moments[2 * index] = due_ns;
        moments[2 * index + 1] = now_ns();
    }
    fwrite(moments, sizeof *moments, 2 * count, out);
    return fclose(out) != 0;
}
