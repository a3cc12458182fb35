/* The control of every timing figure: when did the machine itself keep a processor from running?
 *
 * One thread is pinned to each processor this process may use and sleeps to absolute deadlines, under
 * SCHED_FIFO where that is granted. A wake-up that comes too late is a stall of the platform, whatever
 * the program beside it does. The probe must never grow, never print while it measures and never
 * outlive the one who started it: it ends when its standard input does, and prints only then.
 *
 * Output: "ready" at the start; at the end "realtime 0|1", then "start end cpu" for each stall, with
 * start and end in nanoseconds of CLOCK_MONOTONIC.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define PERIOD_NS 500000
#define LATE_NS 150000
#define SECOND_NS 1000000000
#define PRIORITY 95
#define KEPT 65536

struct stall {
    int64_t start_ns, end_ns;
};

struct watch {
    pthread_t thread;
    int cpu, realtime;
    size_t count;
    struct stall stalls[KEPT];
};

static atomic_int ended;

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void *keep_watch(void *argument) {
    struct watch *watch = argument;
    struct sched_param param = {.sched_priority = PRIORITY};
    cpu_set_t mine;
    CPU_ZERO(&mine);
    CPU_SET(watch->cpu, &mine);
    pthread_setaffinity_np(pthread_self(), sizeof mine, &mine);
    watch->realtime = pthread_setschedparam(pthread_self(), SCHED_FIFO, &param) == 0;
    int64_t due_ns = now_ns() + PERIOD_NS;
    while (!atomic_load_explicit(&ended, memory_order_relaxed)) {
        struct timespec due = {.tv_sec = due_ns / SECOND_NS, .tv_nsec = due_ns % SECOND_NS};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        int64_t woke_ns = now_ns();
        if (woke_ns - due_ns > LATE_NS) {
            if (watch->count < KEPT)
                watch->stalls[watch->count++] = (struct stall){due_ns, woke_ns};
            else /* no room: whatever came since the last one counts as stalled, so that nothing is called clean */
                watch->stalls[KEPT - 1].end_ns = woke_ns;
        }
        due_ns = woke_ns - due_ns < PERIOD_NS ? due_ns + PERIOD_NS : woke_ns + PERIOD_NS;
    }
    return NULL;
}

int main(void) {
    cpu_set_t allowed;
    char ignored;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
    int cpus = CPU_COUNT(&allowed), started = 0, realtime = 1;
    struct watch *watches = calloc((size_t)cpus, sizeof *watches);
    if (watches == NULL) return 1;
    prctl(PR_SET_TIMERSLACK, 1); /* for threads without SCHED_FIFO; they inherit it */
    for (int cpu = 0; cpu < CPU_SETSIZE && started < cpus; cpu++)
        if (CPU_ISSET(cpu, &allowed)) {
            watches[started].cpu = cpu;
            if (pthread_create(&watches[started].thread, NULL, keep_watch, &watches[started]) != 0) return 1;
            started++;
        }
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, &ignored, 1) > 0) continue;
    atomic_store(&ended, 1);
    for (int i = 0; i < started; i++) {
        pthread_join(watches[i].thread, NULL);
        realtime &= watches[i].realtime;
    }
    printf("realtime %d\n", realtime);
    for (int i = 0; i < started; i++)
        for (size_t k = 0; k < watches[i].count; k++) {
            struct stall stall = watches[i].stalls[k];
            printf("%" PRId64 " %" PRId64 " %d\n", stall.start_ns, stall.end_ns, watches[i].cpu);
        }
    return 0;
}
