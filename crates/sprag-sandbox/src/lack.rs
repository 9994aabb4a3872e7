//! Why this machine has no jail for us, or one with a layer less, and what mends it.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::Path;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::{JailError, Refusal, Step};

/// What a machine lacks, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lack {
    /// What is missing.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl std::error::Error for Lack {}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

impl Lack {
    /// Reads from this machine's settings what made `launcher` fail.
    pub fn of(error: &JailError, launcher: &OsStr) -> Self {
        let known = match error {
            JailError::Refused(refusal) => explain(refusal, &Settings::read(), &launcher.to_string_lossy()),
            _ => None,
        };
        known.unwrap_or_else(|| Self::new(error, UNKNOWN))
    }

    /// Namespaces were refused to `launcher` itself, and came about by bubblewrap neither.
    pub(crate) fn of_both(own: &Refusal, by_bubblewrap: &JailError, launcher: &OsStr) -> Self {
        let lack = Self::of(&own.clone().into(), launcher);
        lack.nor_by_bubblewrap(own, by_bubblewrap, &Settings::read())
    }

    fn nor_by_bubblewrap(self, own: &Refusal, by_bubblewrap: &JailError, settings: &Settings) -> Self {
        let Self { what, remedy } = self;
        match by_bubblewrap {
            JailError::Refused(refusal) if refusal.is_no_bubblewrap() => {
                // A limit of the kernel, or a filter, is one for all.
                let forbidden = matches!(Errno::from_raw_os_error(own.errno), Errno::PERM | Errno::ACCESS);
                let may_help = forbidden && settings.seccomp != Some(2);
                Self::new(what, if may_help { format!("{remedy}; or {INSTALL}") } else { remedy })
            }
            error => Self::new(format!("{what}; and then: {error}"), remedy),
        }
    }

    /// Landlock is there, and does not keep signals inside.
    pub(crate) fn of_signals() -> Self {
        Self::new("the Landlock of this kernel does not keep signals inside", "use Linux 6.12 or later")
    }

    /// A clock is there, and stands still.
    pub(crate) fn of_clock() -> Self {
        Self::new("a perf event counted no CPU time", UNKNOWN)
    }

    fn new(what: impl fmt::Display, remedy: impl Into<String>) -> Self {
        Self { what: what.to_string(), remedy: remedy.into() }
    }
}

const INSTALL: &str =
    "install bubblewrap, which may be allowed them: apt-get install bubblewrap, or as the system has it";
const UNKNOWN: &str =
    "no setting of this machine explains it: try as root, or outside of the container or chroot";

/// The settings that can forbid namespaces or clocks; `None` for one that this kernel does not have.
#[derive(Debug, Default)]
struct Settings {
    unprivileged_userns_clone: Option<u64>,
    max_user_namespaces: Option<u64>,
    max_net_namespaces: Option<u64>,
    apparmor_restrict_unprivileged_userns: Option<u64>,
    perf_event_paranoid: Option<i64>,
    /// 2 where system calls are filtered.
    seccomp: Option<u64>,
    root: bool,
    systemd: bool,
}

impl Settings {
    fn read() -> Self {
        let text = |name: &str| fs::read_to_string(format!("/proc/sys/{name}")).ok();
        let number = |name| text(name)?.trim().parse().ok();
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let seccomp = status.lines().find_map(|line| line.strip_prefix("Seccomp:"));
        Self {
            unprivileged_userns_clone: number("kernel/unprivileged_userns_clone"),
            max_user_namespaces: number("user/max_user_namespaces"),
            max_net_namespaces: number("user/max_net_namespaces"),
            apparmor_restrict_unprivileged_userns: number("kernel/apparmor_restrict_unprivileged_userns"),
            perf_event_paranoid: text("kernel/perf_event_paranoid")
                .and_then(|number| number.trim().parse().ok()),
            seccomp: seccomp.and_then(|mode| mode.trim().parse().ok()),
            root: rustix::process::geteuid().is_root(),
            systemd: Path::new("/run/systemd/system").exists(),
        }
    }
}

impl Settings {
    fn apparmor_forbids(&self) -> bool {
        self.apparmor_restrict_unprivileged_userns == Some(1)
    }
}

fn explain(refusal: &Refusal, settings: &Settings, launcher: &str) -> Option<Lack> {
    let errno = Errno::from_raw_os_error(refusal.errno);
    let forbidden = matches!(errno, Errno::PERM | Errno::ACCESS);
    match &refusal.step {
        Step::Network | Step::Namespaces | Step::Identity | Step::Loopback | Step::Process => {
            namespaces(errno, settings, launcher)
        }
        Step::Proc | Step::Root | Step::Place(_) if matches!(errno, Errno::NOSYS) => Some(Lack::new(
            "this kernel can't make a tree of mounts read-only",
            "use Linux 5.12 or later, which has mount_setattr",
        )),
        // Ubuntu lets anybody make a user namespace, and takes its rights away.
        Step::Root | Step::Proc if forbidden && settings.apparmor_forbids() => Some(apparmor(launcher)),
        Step::Proc if forbidden => Some(Lack::new(
            "parts of /proc are covered here, as they are in containers, so no other may be mounted",
            "start the container with --security-opt systempaths=unconfined",
        )),
        Step::Root if errno == Errno::INVAL => Some(Lack::new(
            "the root can't be changed here, as in a chroot or an initial ramdisk",
            "start sprag outside of it",
        )),
        Step::Bubblewrap(_) if refusal.is_no_bubblewrap() => {
            Some(Lack::new("bubblewrap is not installed, or others than root can replace it", INSTALL))
        }
        Step::Landlock => Some(Lack::new(
            "Landlock is not in this kernel, not switched on, or older than its version 3",
            "use Linux 6.2 or later, with landlock in the list `lsm=` of its command line; containers: one whose seccomp \
             filter knows it",
        )),
        Step::SystemCalls => Some(Lack::new(
            "this kernel can't filter system calls, or this is neither x86-64 nor AArch64",
            "use a kernel with CONFIG_SECCOMP_FILTER, as distributions ship; gVisor has none",
        )),
        Step::Processes if errno == Errno::ROFS => Some(Lack::new(
            "the processes of root are not limited in what bubblewrap makes",
            "run as an ordinary user, or where cgroups can be made",
        )),
        Step::Processes if forbidden => Some(Lack::new(
            "the processes of root are not limited where there is no namespace for them",
            "run as an ordinary user",
        )),
        Step::Processes => Some(Lack::new(
            "before Linux 6.14 the processes of root are not limited",
            "run as an ordinary user, or use Linux 6.14 or later",
        )),
        Step::Memory => Some(memory(errno, settings)),
        Step::Clock if settings.perf_event_paranoid.is_some_and(|level| level > 2) => Some(Lack::new(
            format!(
                "only root may count CPU time by perf events: kernel.perf_event_paranoid is {}",
                settings.perf_event_paranoid.unwrap_or_default()
            ),
            "sudo sysctl -w kernel.perf_event_paranoid=2",
        )),
        Step::Clock if forbidden && settings.seccomp == Some(2) => Some(Lack::new(
            "a seccomp filter forbids perf events, as Docker's own does",
            "start the container with --cap-add PERFMON, or with --security-opt seccomp=unconfined",
        )),
        Step::Clock if matches!(errno, Errno::NOSYS | Errno::NOENT) => Some(Lack::new(
            "this kernel has no perf events",
            "use one with CONFIG_PERF_EVENTS, as distributions ship",
        )),
        _ => None,
    }
}

fn namespaces(errno: Errno, settings: &Settings, launcher: &str) -> Option<Lack> {
    Some(match errno {
        Errno::NOSPC | Errno::USERS => {
            let user = settings.max_user_namespaces.unwrap_or(u64::MAX);
            let net = settings.max_net_namespaces.unwrap_or(u64::MAX);
            let (name, most) = if net < user { ("net", net) } else { ("user", user) };
            Lack::new(
                format!("no more namespaces are allowed: user.max_{name}_namespaces is {most}"),
                format!("sudo sysctl -w user.max_{name}_namespaces=15000"),
            )
        }
        Errno::NOSYS | Errno::INVAL => Lack::new(
            "this kernel has no network namespaces",
            "use one with CONFIG_NET_NS and CONFIG_USER_NS, as distributions ship; WSL 1 and gVisor have none",
        ),
        Errno::PERM | Errno::ACCESS if settings.unprivileged_userns_clone == Some(0) => Lack::new(
            "only root may make user namespaces: kernel.unprivileged_userns_clone is 0",
            "sudo sysctl -w kernel.unprivileged_userns_clone=1",
        ),
        // Before AppArmor: in a container on such a host both are there, and this one is asked first.
        Errno::PERM | Errno::ACCESS if settings.seccomp == Some(2) => Lack::new(
            "a seccomp filter forbids namespaces, as Docker's own does",
            "start the container with --security-opt seccomp=unconfined, or with --cap-add SYS_ADMIN",
        ),
        Errno::PERM | Errno::ACCESS if settings.apparmor_forbids() => apparmor(launcher),
        _ => return None,
    })
}

fn memory(errno: Errno, settings: &Settings) -> Lack {
    let what = match errno {
        Errno::NOENT => "there is no cgroup here in which another one would have limits",
        Errno::ACCESS | Errno::PERM | Errno::ROFS => "no cgroup may be made here",
        _ => "no cgroup could be made here",
    };
    let remedy = match (settings.systemd, settings.root) {
        (true, false) => "start sprag in a scope of this user's: systemd-run --user --scope sprag …",
        (true, true) => "start sprag in a scope: systemd-run --scope sprag …",
        (false, false) => "run as root, or in a container with a limit of memory",
        (false, true) => {
            "give the container a limit of memory, or cgroups that it can write (docker run --privileged)"
        }
    };
    Lack::new(what, remedy)
}

fn apparmor(launcher: &str) -> Lack {
    Lack::new(
        "AppArmor forbids user namespaces to programs without a profile that allows them",
        format!(
            "write `abi <abi/4.0>, profile sprag {launcher} flags=(unconfined) {{ userns, }}` to \
             /etc/apparmor.d/sprag, then sudo apparmor_parser -r /etc/apparmor.d/sprag"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn says(errno: Errno, settings: Settings, what: &str, remedy: &str) {
        says_of(Step::Namespaces, errno, settings, what, remedy);
    }

    #[track_caller]
    fn says_of(step: Step, errno: Errno, settings: Settings, what: &str, remedy: &str) {
        let refusal = Refusal { step, errno: errno.raw_os_error() };
        let lack = explain(&refusal, &settings, "/usr/bin/sprag").unwrap();
        assert!(lack.what.contains(what), "{lack}");
        assert!(lack.remedy.contains(remedy), "{lack}");
    }

    #[test]
    fn the_setting_that_forbids_it_is_named_with_its_remedy() {
        let none = Settings::default;
        let debian = Settings { unprivileged_userns_clone: Some(0), ..none() };
        says(Errno::PERM, debian, "unprivileged_userns_clone is 0", "unprivileged_userns_clone=1");
        let ubuntu = Settings { apparmor_restrict_unprivileged_userns: Some(1), ..none() };
        says(Errno::PERM, ubuntu, "AppArmor", "profile sprag /usr/bin/sprag flags=(unconfined) { userns, }");
        let ubuntu = Settings { apparmor_restrict_unprivileged_userns: Some(1), ..none() };
        says(Errno::ACCESS, ubuntu, "AppArmor", "apparmor_parser");
        let docker = Settings { seccomp: Some(2), apparmor_restrict_unprivileged_userns: Some(1), ..none() };
        says(Errno::PERM, docker, "seccomp", "seccomp=unconfined");
        let red_hat = Settings { max_user_namespaces: Some(0), max_net_namespaces: Some(9), ..none() };
        says(Errno::NOSPC, red_hat, "user.max_user_namespaces is 0", "user.max_user_namespaces=");
        let full = Settings { max_user_namespaces: Some(9), max_net_namespaces: Some(3), ..none() };
        says(Errno::NOSPC, full, "user.max_net_namespaces is 3", "user.max_net_namespaces=");
        says(Errno::NOSYS, none(), "no network namespaces", "CONFIG_NET_NS");
    }

    #[test]
    fn each_layer_that_is_missing_says_what_mends_it() {
        let none = Settings::default;
        let ubuntu = Settings { apparmor_restrict_unprivileged_userns: Some(1), ..none() };
        says_of(Step::Root, Errno::ACCESS, ubuntu, "AppArmor", "apparmor_parser");
        says_of(Step::Proc, Errno::PERM, none(), "/proc are covered", "systempaths=unconfined");
        says_of(Step::Root, Errno::NOSYS, none(), "read-only", "5.12");
        says_of(Step::Landlock, Errno::OPNOTSUPP, none(), "Landlock is not in", "lsm=");
        says_of(Step::Processes, Errno::NOSYS, none(), "root are not limited", "ordinary user");
        let desktop = Settings { systemd: true, ..none() };
        says_of(Step::Memory, Errno::ACCESS, desktop, "no cgroup may be made", "systemd-run --user --scope");
        let container = Settings { root: true, ..none() };
        says_of(Step::Memory, Errno::NOENT, container, "would have limits", "give the container a limit");
        let debian = Settings { perf_event_paranoid: Some(3), ..none() };
        says_of(Step::Clock, Errno::ACCESS, debian, "perf_event_paranoid is 3", "perf_event_paranoid=2");
        let docker = Settings { perf_event_paranoid: Some(2), seccomp: Some(2), ..none() };
        says_of(Step::Clock, Errno::PERM, docker, "seccomp", "--cap-add PERFMON");
    }

    #[test]
    fn bubblewrap_is_proposed_where_it_may_be_allowed_more_and_heard_where_it_is_not() {
        let none = Settings::default;
        let debian = || Settings { unprivileged_userns_clone: Some(0), ..none() };
        let after = |errno: Errno, settings: &Settings, by_bubblewrap: Refusal| {
            let own = Refusal { step: Step::Namespaces, errno: errno.raw_os_error() };
            let lack = explain(&own, settings, "/usr/bin/sprag").unwrap();
            lack.nor_by_bubblewrap(&own, &by_bubblewrap.into(), settings)
        };
        let lack = after(Errno::PERM, &debian(), Refusal::no_bubblewrap());
        assert!(lack.remedy.contains("userns_clone=1; or install bubblewrap"), "{lack}");
        let filtered = Settings { seccomp: Some(2), ..none() };
        let full = Settings { max_user_namespaces: Some(0), ..none() };
        for (errno, settings) in [(Errno::PERM, filtered), (Errno::NOSPC, full)] {
            let lack = after(errno, &settings, Refusal::no_bubblewrap());
            assert!(!lack.to_string().contains("bubblewrap"), "{lack}");
        }
        let step = Step::Bubblewrap("setting up uid map".to_owned());
        let refused = Refusal { step, errno: Errno::PERM.raw_os_error() };
        let lack = after(Errno::PERM, &debian(), refused);
        assert!(lack.what.contains("by bubblewrap (setting up uid map): Operation not"), "{lack}");
        assert!(!lack.remedy.contains("install"), "{lack}");
    }

    #[test]
    fn where_no_setting_explains_it_none_is_blamed() {
        let settings = Settings {
            unprivileged_userns_clone: Some(1),
            apparmor_restrict_unprivileged_userns: Some(0),
            seccomp: Some(0),
            ..Settings::default()
        };
        for errno in [Errno::PERM, Errno::NOMEM] {
            let refusal = Refusal { step: Step::Network, errno: errno.raw_os_error() };
            assert_eq!(explain(&refusal, &settings, "sprag"), None);
        }
    }
}
