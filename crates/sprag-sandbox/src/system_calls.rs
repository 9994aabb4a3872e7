//! The filter for system calls: what a program that builds, tests or computes has no need of, and one that wants out has.
//!
//! It is a list of what is denied, so that what runs is not changed by being locked in. The layers below hold without
//! it; it takes away the parts of the kernel by which such layers were broken before.

use std::collections::BTreeMap;
use std::io;

use rustix::io::Errno;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    sock_filter,
};

/// What is allowed of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sockets {
    /// Those of IP, whatever their kind: where they lead is the network's affair.
    Ip,
    /// Of IP only TCP, which Landlock restricts to ports.
    Tcp,
}

/// Denied whatever their arguments are.
const DENIED: &[i64] = &[
    // Other processes: their memory, their descriptors, their secrets.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // Parts of the kernel that are programs of their own.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    // Namespaces and mounts.
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    OPEN_TREE_ATTR,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    // Files by number instead of by path.
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    // The machine.
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// `open_tree_attr(2)` of Linux 6.15, the same number on every architecture.
const OPEN_TREE_ATTR: i64 = 467;

/// As if this kernel did not have them. Programs know what to do then: with clone3 and openat2, they fall back to calls
/// whose arguments a filter can see.
const UNKNOWN: &[i64] = &[
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_clone3,
    libc::SYS_openat2,
];

/// As if no file system had what they set. Among it are access lists, by which a file becomes unreadable too.
const UNSUPPORTED: &[i64] = &[libc::SYS_setxattr, libc::SYS_lsetxattr, libc::SYS_fsetxattr, SETXATTRAT];
/// `setxattrat(2)` of Linux 6.13, and `fchmodat2(2)` of 6.6: the same numbers on every architecture.
const SETXATTRAT: i64 = 463;
const FCHMODAT2: i64 = 452;

const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];
/// Of unshare alone; in clone these bits are those of a signal.
const NEW_TIME: i32 = 0x80;

/// The programs that the kernel runs for each system call, in the order in which they are to be installed.
///
/// # Errors
/// This architecture is none that we know the numbers of.
pub(crate) fn filters(sockets: Sockets) -> io::Result<Vec<BpfProgram>> {
    let denied = DENIED.iter().map(|number| (*number, Vec::new())).chain(denied_by_argument(sockets));
    let all = |numbers: &[i64]| numbers.iter().map(|number| (*number, Vec::new())).collect();
    let mut filters = vec![
        compiled(denied.collect(), Errno::PERM)?,
        compiled(all(UNKNOWN), Errno::NOSYS)?,
        compiled(all(UNSUPPORTED), Errno::OPNOTSUPP)?,
    ];
    if cfg!(target_arch = "x86_64") {
        filters.push(without_x32());
    }
    Ok(filters)
}

/// Installs them, for this process and all that it starts.
pub(crate) fn install(filters: &[BpfProgram]) -> io::Result<()> {
    filters.iter().try_for_each(|filter| seccompiler::apply_filter(filter).map_err(in_numbers))
}

fn in_numbers(error: seccompiler::Error) -> io::Error {
    match error {
        seccompiler::Error::Prctl(error) | seccompiler::Error::Seccomp(error) => error,
        _ => Errno::INVAL.into(),
    }
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Another architecture's calls kill: the filter knows nothing of their numbers.
fn compiled(rules: Rules, errno: Errno) -> io::Result<BpfProgram> {
    let unknown = |_| io::Error::from(Errno::NOSYS);
    let architecture = std::env::consts::ARCH.try_into().map_err(unknown)?;
    let action = SeccompAction::Errno(errno.raw_os_error().unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, architecture);
    filter.and_then(BpfProgram::try_from).map_err(|_| Errno::INVAL.into())
}

/// The numbers of the ABI x32 are those of x86-64 with one bit more, and would pass a list of what is denied.
fn without_x32() -> BpfProgram {
    let instruction = |code: u32, jt, jf, k| sock_filter { code: code as u16, jt, jf, k };
    let errno = Errno::NOSYS.raw_os_error().unsigned_abs();
    vec![
        // The first word of the data is the number of the call.
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        instruction(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, 0x4000_0000),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | errno),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}

fn denied_by_argument(sockets: Sockets) -> impl Iterator<Item = (i64, Vec<SeccompRule>)> {
    let has = |bit: i32| rule([(0, masked(bit), bit)]);
    let namespaces = NAMESPACES.map(has);
    let mut rules = vec![
        (libc::SYS_clone, namespaces.to_vec()),
        (libc::SYS_unshare, namespaces.into_iter().chain([has(NEW_TIME)]).collect()),
        // To ask for it, and to set what it is already, is all that programs do.
        (libc::SYS_personality, vec![rule([(0, SeccompCmpOp::Ne, 0), (0, SeccompCmpOp::Ne, -1)])]),
        // Typing into a terminal.
        (libc::SYS_ioctl, [0x5412, 0x541c].map(|call| rule([(1, SeccompCmpOp::Eq, call)])).to_vec()),
        (libc::SYS_socket, denied_sockets(sockets)),
    ];
    rules.extend(unreadable_programs());
    if sockets == Sockets::Tcp {
        // Connects without a call of connect, which is where Landlock looks.
        let fast = |argument| vec![rule([(argument, masked(libc::MSG_FASTOPEN), libc::MSG_FASTOPEN)])];
        rules.extend([
            (libc::SYS_sendto, fast(3)),
            (libc::SYS_sendmsg, fast(2)),
            (libc::SYS_sendmmsg, fast(3)),
        ]);
    }
    rules.into_iter()
}

/// A program file that its owner may execute and not read: the kernel stops counting the CPU time of whatever runs it.
fn unreadable_programs() -> Vec<(i64, Vec<SeccompRule>)> {
    const READ_AND_EXECUTE: i32 = 0o500;
    const EXECUTE: i32 = 0o100;
    const READ: i32 = 0o400;
    let mode = |argument| (argument, masked(READ_AND_EXECUTE), EXECUTE);
    let set = |argument| vec![rule([mode(argument)])];
    let made = |flags, argument| {
        let creates = [libc::O_CREAT, libc::O_TMPFILE & !libc::O_DIRECTORY];
        creates.map(|flag| rule([(flags, masked(flag), flag), mode(argument)])).to_vec()
    };
    vec![
        (libc::SYS_fchmod, set(1)),
        (libc::SYS_fchmodat, set(2)),
        (FCHMODAT2, set(2)),
        (libc::SYS_mknodat, set(2)),
        (libc::SYS_openat, made(2, 3)),
        // These bits are the ones that a new file does not get.
        (libc::SYS_umask, vec![rule([(0, masked(READ_AND_EXECUTE), READ)])]),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_chmod, set(1)),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_creat, set(1)),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_mknod, set(1)),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_open, made(1, 2)),
    ]
}

/// Of socket(family, kind, protocol).
fn denied_sockets(sockets: Sockets) -> Vec<SeccompRule> {
    use SeccompCmpOp::{Eq, Ne};
    const KIND: i32 = 0xf;
    let raw = (1, masked(KIND), libc::SOCK_RAW);
    let mut denied = vec![
        rule([
            (0, Ne, libc::AF_UNIX),
            (0, Ne, libc::AF_INET),
            (0, Ne, libc::AF_INET6),
            (0, Ne, libc::AF_NETLINK),
        ]),
        // Names and addresses of a machine are asked of this one.
        rule([(0, Eq, libc::AF_NETLINK), (2, Ne, libc::NETLINK_ROUTE)]),
        rule([(0, Eq, libc::AF_INET), raw.clone()]),
        rule([(0, Eq, libc::AF_INET6), raw]),
    ];
    if sockets == Sockets::Tcp {
        for family in [libc::AF_INET, libc::AF_INET6] {
            // All kinds that there may be, but for the first, which is that of streams.
            denied.extend((2..=KIND).map(|kind| rule([(0, Eq, family), (1, masked(KIND), kind)])));
            denied.push(rule([(0, Eq, family), (2, Ne, 0), (2, Ne, libc::IPPROTO_TCP)]));
        }
    }
    denied
}

fn masked(mask: i32) -> SeccompCmpOp {
    SeccompCmpOp::MaskedEq(u64::from(mask.cast_unsigned()))
}

/// All of: argument, comparison, value. Arguments of 32 bits, as the kernel takes those that are asked here.
fn rule<const N: usize>(conditions: [(u8, SeccompCmpOp, i32); N]) -> SeccompRule {
    let conditions = conditions.map(|(argument, compare, value)| {
        let value = u64::from(value.cast_unsigned());
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, compare, value)
            .expect("a call has six arguments")
    });
    SeccompRule::new(conditions.to_vec()).expect("there is a condition")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_fits_into_the_kernel() {
        for sockets in [Sockets::Ip, Sockets::Tcp] {
            for filter in filters(sockets).unwrap() {
                assert!((1..=4096).contains(&filter.len()), "{}", filter.len());
            }
        }
    }
}
