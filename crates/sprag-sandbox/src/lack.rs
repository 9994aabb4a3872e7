//! Why this machine has no empty network for us, and what mends it.

use std::ffi::OsStr;
use std::fmt;
use std::fs;

use rustix::io::Errno;

use crate::{JailError, Step};

/// What a machine lacks, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        match error {
            JailError::Refused(refusal)
                if matches!(refusal.step, Step::Network | Step::Identity | Step::Loopback) =>
            {
                let errno = Errno::from_raw_os_error(refusal.errno);
                let lack = explain(errno, &Settings::read(), &launcher.to_string_lossy());
                lack.unwrap_or_else(|| Self::new(refusal, UNKNOWN))
            }
            _ => Self::new(error, UNKNOWN),
        }
    }

    fn new(what: impl fmt::Display, remedy: impl Into<String>) -> Self {
        Self { what: what.to_string(), remedy: remedy.into() }
    }
}

const UNKNOWN: &str =
    "no setting of this machine explains it: try as root, or outside of the container or chroot";

/// The settings that can forbid namespaces; `None` for one that this kernel does not have.
#[derive(Debug, Default)]
struct Settings {
    unprivileged_userns_clone: Option<u64>,
    max_user_namespaces: Option<u64>,
    max_net_namespaces: Option<u64>,
    apparmor_restrict_unprivileged_userns: Option<u64>,
    /// 2 where system calls are filtered.
    seccomp: Option<u64>,
}

impl Settings {
    fn read() -> Self {
        let number = |name: &str| fs::read_to_string(format!("/proc/sys/{name}")).ok()?.trim().parse().ok();
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let seccomp = status.lines().find_map(|line| line.strip_prefix("Seccomp:"));
        Self {
            unprivileged_userns_clone: number("kernel/unprivileged_userns_clone"),
            max_user_namespaces: number("user/max_user_namespaces"),
            max_net_namespaces: number("user/max_net_namespaces"),
            apparmor_restrict_unprivileged_userns: number("kernel/apparmor_restrict_unprivileged_userns"),
            seccomp: seccomp.and_then(|mode| mode.trim().parse().ok()),
        }
    }
}

fn explain(errno: Errno, settings: &Settings, launcher: &str) -> Option<Lack> {
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
        Errno::PERM | Errno::ACCESS if settings.apparmor_restrict_unprivileged_userns == Some(1) => {
            Lack::new(
                "AppArmor forbids user namespaces to programs without a profile that allows them",
                format!(
                    "write `abi <abi/4.0>, profile sprag {launcher} flags=(unconfined) {{ userns, }}` to \
                 /etc/apparmor.d/sprag, then sudo apparmor_parser -r /etc/apparmor.d/sprag"
                ),
            )
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn says(errno: Errno, settings: Settings, what: &str, remedy: &str) {
        let lack = explain(errno, &settings, "/usr/bin/sprag").unwrap();
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
    fn where_no_setting_explains_it_none_is_blamed() {
        let settings = Settings {
            unprivileged_userns_clone: Some(1),
            apparmor_restrict_unprivileged_userns: Some(0),
            seccomp: Some(0),
            ..Settings::default()
        };
        assert_eq!(explain(Errno::PERM, &settings, "sprag"), None);
        assert_eq!(explain(Errno::NOMEM, &settings, "sprag"), None);
    }
}
