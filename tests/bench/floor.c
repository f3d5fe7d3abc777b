/*
 * floor.c - the least a container start can cost: the same system calls, nothing decided.
 *
 *   floor filter FILE                     writes a seccomp filter of the usual size
 *   floor run ROOTFS WORK FILTER COMMAND  runs COMMAND in ROOTFS (an overlay over it,
 *                                         its upper in the empty folder WORK)
 *
 * Namespaces (mount, pid, ipc, uts, net, cgroup), overlay, /proc, /sys, /dev, masked and read-only
 * paths, capabilities, a ready filter, two v1 groups where there are any, pivot_root, exec, wait,
 * clean-up. Every option of a real engine is fixed here, every error ends the program.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(call)        \
    do {                   \
        if ((call) < 0) {  \
            perror(#call); \
            _exit(1);      \
        }                  \
    } while (0)

static const char *const groups[] = {"/sys/fs/cgroup/memory/floor", "/sys/fs/cgroup/pids/floor"};
static int group_fds[2] = {-1, -1};

/* About as many rules as podman's profile, for the three ABIs of x86-64. */
static int make_filter(const char *path)
{
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ERRNO(38));
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    CHECK(fd);
    (void)seccomp_arch_add(context, SCMP_ARCH_X86);
    (void)seccomp_arch_add(context, SCMP_ARCH_X32);
    for (int number = 0; number < 450; number++) {
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

        if (name && number != SYS_kexec_load && number != SYS_init_module)
            (void)seccomp_rule_add(context, SCMP_ACT_ALLOW, number, 0);
        free(name);
    }
    CHECK(seccomp_export_bpf(context, fd));
    return 0;
}

static struct sock_filter filter_code[BPF_MAXINSNS];
static struct sock_fprog filter = {.filter = filter_code};

static void read_filter(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t count = read(fd, filter_code, sizeof(filter_code));

    CHECK(count);
    CHECK(close(fd));
    filter.len = (unsigned short)((size_t)count / sizeof(filter_code[0]));
}

static void make_groups(void)
{
    for (size_t i = 0; i < 2; i++) {
        char path[64];

        if (mkdir(groups[i], 0755) < 0)
            continue;
        (void)snprintf(path, sizeof(path), "%s/tasks", groups[i]);
        CHECK(group_fds[i] = open(path, O_WRONLY | O_CLOEXEC));
    }
}

/* Moving oneself, as a single thread, through `tasks` spares the wait of a move through
 * cgroup.procs. */
static void enter_groups(void)
{
    for (size_t i = 0; i < 2; i++)
        if (group_fds[i] >= 0)
            CHECK(write(group_fds[i], "0", 1));
}

static void make_device(const char *name, unsigned int minor_number)
{
    CHECK(mknod(name, S_IFCHR | 0666, makedev(1, minor_number)));
    CHECK(chmod(name, 0666));
}

static void mount_dev(void)
{
    CHECK(mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=755,size=65536k"));
    make_device("dev/null", 3);
    make_device("dev/zero", 5);
    make_device("dev/full", 7);
    make_device("dev/random", 8);
    make_device("dev/urandom", 9);
    CHECK(mkdir("dev/pts", 0755));
    CHECK(mkdir("dev/shm", 0755));
    CHECK(mkdir("dev/mqueue", 0755));
    CHECK(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666"));
    CHECK(mount("shm", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777"));
    CHECK(mount("mqueue", "dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
    CHECK(symlink("/proc/self/fd", "dev/fd"));
    CHECK(symlink("/proc/self/fd/0", "dev/stdin"));
    CHECK(symlink("/proc/self/fd/1", "dev/stdout"));
    CHECK(symlink("/proc/self/fd/2", "dev/stderr"));
    CHECK(symlink("pts/ptmx", "dev/ptmx"));
}

static void hide_paths(void)
{
    static const char *const files[] = {"proc/kcore", "proc/keys", "proc/timer_list"};
    static const char *const read_only[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys",
                                            "proc/sysrq-trigger"};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        (void)mount("dev/null", files[i], NULL, MS_BIND, NULL);
    (void)mount("tmpfs", "sys/firmware", "tmpfs", MS_RDONLY, "size=0k");
    for (size_t i = 0; i < sizeof(read_only) / sizeof(read_only[0]); i++) {
        if (mount(read_only[i], read_only[i], NULL, MS_BIND | MS_REC, NULL) < 0)
            continue; /* not on every kernel */
        CHECK(mount(NULL, read_only[i], NULL,
                    MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
    }
}

static void mount_all(const char *rootfs, const char *work)
{
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    char options[3072];

    CHECK(chdir(work));
    CHECK(mkdir("upper", 0755));
    CHECK(mkdir("work", 0755));
    CHECK(mkdir("merged", 0755));
    CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    (void)snprintf(options, sizeof(options), "lowerdir=%s,upperdir=upper,workdir=work,volatile",
                   rootfs);
    CHECK(mount("overlay", "merged", "overlay", 0, options));
    CHECK(chdir("merged"));
    (void)mkdir("proc", 0755);
    (void)mkdir("sys", 0755);
    (void)mkdir("dev", 0755);
    CHECK(mount("proc", "proc", "proc", flags, NULL));
    CHECK(mount("sysfs", "sys", "sysfs", flags | MS_RDONLY, NULL));
    mount_dev();
    hide_paths();
    CHECK(syscall(SYS_pivot_root, ".", "."));
    CHECK(umount2(".", MNT_DETACH));
    CHECK(chdir("/"));
}

static void loopback_up(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    CHECK(ioctl(fd, SIOCSIFFLAGS, &request));
    CHECK(close(fd));
}

/* podman's eleven. */
static void drop_capabilities(void)
{
    const uint64_t keep = 0x800405fbu;
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {.effective = (uint32_t)keep, .permitted = (uint32_t)keep}};

    for (unsigned long number = 0; number <= 40; number++)
        if (!(keep >> number & 1))
            (void)prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
    CHECK(syscall(SYS_capset, &header, data));
}

static void child(char **argv)
{
    char *const environment[] = {(char[]){"PATH=/bin:/usr/bin"}, NULL};

    enter_groups();
    CHECK(setsid());
    CHECK(sethostname("floor", 5));
    loopback_up();
    mount_all(argv[2], argv[3]);
    CHECK(syscall(SYS_close_range, 3u, ~0u, 0u));
    CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter));
    drop_capabilities();
    CHECK(execve(argv[5], argv + 5, environment));
}

static void clean_up(const char *work)
{
    CHECK(chdir(work));
    for (size_t i = 0; i < 2; i++)
        if (group_fds[i] >= 0)
            CHECK(rmdir(groups[i]));
    CHECK(rmdir("merged"));

    (void)unlink("work/work/incompat/volatile/dirty");
    (void)rmdir("work/work/incompat/volatile");
    (void)rmdir("work/work/incompat");
    (void)rmdir("work/work");
    (void)rmdir("work");
    (void)rmdir("upper/proc");
    (void)rmdir("upper/sys");
    (void)rmdir("upper/dev");
    (void)rmdir("upper");
}

static int run(char **argv)
{
    int pidfd = -1;
    siginfo_t info;
    struct clone_args args = {
        .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET |
                 CLONE_NEWCGROUP | CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)&pidfd,
        .exit_signal = SIGCHLD,
    };
    long pid;

    read_filter(argv[4]);
    make_groups();
    CHECK(pid = syscall(SYS_clone3, &args, sizeof(args)));
    if (pid == 0)
        child(argv);
    CHECK(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED));
    clean_up(argv[3]);
    return info.si_status;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "filter") == 0)
        return make_filter(argv[2]);
    if (argc > 5 && strcmp(argv[1], "run") == 0)
        return run(argv);
    (void)fputs("floor: filter FILE | run ROOTFS WORK FILTER COMMAND\n", stderr);
    return 2;
}
