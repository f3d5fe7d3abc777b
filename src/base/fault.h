/*
 * fault.h - named points of a change on disk, at which a test can stop or kill the process.
 *
 * FAULT_POINT("layer-published") behind each step of a change that a kill or a power cut may
 * separate from the next one. In a release build it is nothing at all. The sanitizer build knows
 * the points; the environment then says what happens there:
 *
 *   MCPD_FAULT=NAME        the first time a process comes there: SIGKILL to itself
 *   MCPD_FAULT=NAME:3      the third time
 *   MCPD_FAULT=NAME:stop   the first time: SIGSTOP; a test then looks around and sends SIGCONT
 *   MCPD_FAULT=?           nothing; every point that is passed is told
 *
 * "fault: NAME PID" on stderr tells that a point was reached. `internal fault-points` lists them
 * all, so that no test can forget one.
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#ifdef MCPD_FAULT_POINTS

#define FAULT_POINT(name)                                                                      \
    do {                                                                                       \
        static const char *const fault_point_ __attribute__((used, section("fault_points"))) = \
            (name);                                                                            \
        fault_point(fault_point_);                                                             \
    } while (0)

void fault_point(const char *name);

#else

#define FAULT_POINT(name) ((void)0)

#endif

/* Calls visit for each point of this program, some of them twice; none in a release build. */
void fault_visit(void (*visit)(void *context, const char *name), void *context);

#endif
