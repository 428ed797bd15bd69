#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "daemon/syscall_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#define HAS_SANITIZER __has_feature(address_sanitizer)
#else
#define HAS_SANITIZER 0
#endif

/* On an architecture that lacks one of these the library leaves it out. */
static const int allowed[] = {
    /* memory, without what executes: see below */
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(mlock), SCMP_SYS(mlock2),
    SCMP_SYS(munlock), SCMP_SYS(mlockall), SCMP_SYS(munlockall),
    /* threads */
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(get_robust_list), SCMP_SYS(rseq), SCMP_SYS(set_tid_address),
    SCMP_SYS(membarrier), SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(getuid), SCMP_SYS(geteuid),
    SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_setaffinity), SCMP_SYS(sched_getscheduler),
    SCMP_SYS(sched_setscheduler), SCMP_SYS(sched_getparam), SCMP_SYS(sched_setparam),
    SCMP_SYS(sched_get_priority_max), SCMP_SYS(sched_get_priority_min), SCMP_SYS(getcpu),
    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(restart_syscall),
    /* signals to itself */
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(rt_sigpending), SCMP_SYS(rt_sigsuspend), SCMP_SYS(sigaltstack), SCMP_SYS(signalfd4),
    /* time and chance */
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getrandom),
    /* what is known of the process and the machine */
    SCMP_SYS(getrusage), SCMP_SYS(sysinfo), SCMP_SYS(uname),
    /* descriptors that are open, and waiting for them */
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(lseek),
    SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(pipe2),
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6),
    /* sockets that are open */
    SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg),
    SCMP_SYS(recvmmsg), SCMP_SYS(accept4), SCMP_SYS(getsockopt), SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
};

/* No library tries these by the way. */
static const int deadly[] = {
    SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(kill),
    SCMP_SYS(pidfd_open), SCMP_SYS(pidfd_send_signal), SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setresuid),
    SCMP_SYS(setresgid), SCMP_SYS(setreuid), SCMP_SYS(setregid), SCMP_SYS(setgroups), SCMP_SYS(capset),
    SCMP_SYS(chroot), SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(unshare), SCMP_SYS(setns),
    SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup), SCMP_SYS(add_key),
    SCMP_SYS(keyctl), SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(kexec_load), SCMP_SYS(reboot),
};

#define WHOLE_INT UINT32_MAX   /* the kernel takes no more of it */
#define WHOLE_WORD UINT64_MAX

/* Allowed where the bits of `mask` of an argument are those of `value`. */
static const struct argument_rule {
    int call;
    unsigned argument;
    uint64_t mask, value;
} with_argument[] = {
    { SCMP_SYS(mmap), 2, PROT_EXEC, 0 },
    { SCMP_SYS(mprotect), 2, PROT_EXEC, 0 },
    { SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD },
    { SCMP_SYS(prctl), 0, WHOLE_INT, PR_SET_TIMERSLACK },
    { SCMP_SYS(prctl), 0, WHOLE_INT, PR_SET_NAME },
    { SCMP_SYS(setpriority), 0, WHOLE_INT, PRIO_PROCESS }, /* none but of its own user */
    { SCMP_SYS(newfstatat), 3, WHOLE_INT, AT_EMPTY_PATH }, /* fstat(3) */
    { SCMP_SYS(prlimit64), 2, WHOLE_WORD, 0 },             /* asks, sets nothing */
    { SCMP_SYS(fcntl), 1, WHOLE_INT, F_GETFL },            /* not F_SETOWN: signals to others */
    { SCMP_SYS(fcntl), 1, WHOLE_INT, F_SETFL },
    { SCMP_SYS(fcntl), 1, WHOLE_INT, F_GETFD },
    { SCMP_SYS(fcntl), 1, WHOLE_INT, F_SETFD },
    { SCMP_SYS(fcntl), 1, WHOLE_INT, F_DUPFD_CLOEXEC },
    { SCMP_SYS(ioctl), 1, WHOLE_INT, TCGETS }, /* isatty(3) */
    /* What an interface is like now. libnet looks up its number for each frame. */
    { SCMP_SYS(ioctl), 1, WHOLE_INT, SIOCGIFINDEX },
    { SCMP_SYS(ioctl), 1, WHOLE_INT, SIOCGIFNAME },
    { SCMP_SYS(ioctl), 1, WHOLE_INT, SIOCGIFFLAGS },
    { SCMP_SYS(ioctl), 1, WHOLE_INT, SIOCGIFMTU },
};

static int add_lists(scmp_filter_ctx filter)
{
    int status = 0;

    for (size_t i = 0; status == 0 && i < sizeof allowed / sizeof *allowed; i++)
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; status == 0 && i < sizeof deadly / sizeof *deadly; i++)
        status = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, deadly[i], 0);
    return status;
}

static int add_argument_rule(scmp_filter_ctx filter, const struct argument_rule *rule)
{
    const struct scmp_arg_cmp wanted = { rule->argument, SCMP_CMP_MASKED_EQ, rule->mask, rule->value };

    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rule->call, 1, &wanted);
}

static int add_argument_rules(scmp_filter_ctx filter)
{
    const struct argument_rule itself = { SCMP_SYS(tgkill), 0, WHOLE_INT, (uint64_t)getpid() }; /* abort(3) */
    int status = add_argument_rule(filter, &itself);

    for (size_t i = 0; status == 0 && i < sizeof with_argument / sizeof *with_argument; i++)
        status = add_argument_rule(filter, &with_argument[i]);
    /* What it is asked for lies in memory. Where it is not there the C library takes clone(2), which is looked into. */
    return status == 0 ? seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) : status;
}

bool syscall_filter_is_built_in(void)
{
    return !HAS_SANITIZER;
}

int syscall_filter_enter(struct error *err)
{
    scmp_filter_ctx filter;
    int status;

    if (!syscall_filter_is_built_in())
        return 0;
    filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL)
        return error_set(err, "cannot filter system calls: no memory");
    status = add_lists(filter);
    if (status == 0)
        status = add_argument_rules(filter);
    if (status == 0)
        status = seccomp_load(filter);
    seccomp_release(filter);
    return status < 0 ? error_set(err, "cannot filter system calls: %s", strerror(-status)) : 0;
}
