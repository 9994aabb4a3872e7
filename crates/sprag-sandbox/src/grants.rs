//! What Landlock grants: a program can do nothing to a file but what a rule allows for it or a folder above it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, NetPort, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetError, Scope, path_beneath_rules,
};
use rustix::io::Errno;

use crate::places::{DEVICES, Kind, Places};

/// The newest version that the rules are written for; older ones get of it what they know.
const KNOWN: ABI = ABI::V6;
/// The oldest version that is worth something: before it, a file that can't be written can be cut to nothing.
const NEEDED: ABI = ABI::V3;
/// From this version on it restricts ports.
pub(crate) const WITH_PORTS: i64 = 4;
/// From this version on it keeps signals inside.
pub(crate) const WITH_SIGNALS: i64 = 6;

/// What is granted, before it holds.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    read: Vec<PathBuf>,
    /// Folders whose entries can be listed, and nothing more.
    list: Vec<PathBuf>,
    write: Vec<PathBuf>,
    /// The only ports to which TCP may connect; `None` where that is the network's affair.
    ports: Option<Vec<u16>>,
}

impl Grants {
    /// In a root that holds nothing but the places: what is read-only there is so for Landlock too.
    pub(crate) fn in_own_root(places: &Places) -> Self {
        let written = |kind: &Kind| matches!(kind, Kind::Write | Kind::Scratch);
        let write = places.kinds.iter().filter(|(_, kind)| written(kind)).map(|(path, _)| path.clone());
        let write = write.chain(["/dev".into()]).collect();
        Self { read: vec!["/".into()], list: Vec::new(), write, ports: None }
    }

    /// In the root of the machine: the places, without those that are hidden, and what shows a program itself.
    pub(crate) fn in_place(places: &Places) -> Self {
        let hidden: Vec<&Path> = (places.kinds.iter())
            .filter(|(_, kind)| **kind == Kind::Hidden)
            .map(|(path, _)| path.as_path())
            .collect();
        let mut grants = Self { read: vec!["/proc".into()], ..Self::default() };
        grants.write.extend(DEVICES.map(PathBuf::from));
        for (path, kind) in &places.kinds {
            match kind {
                Kind::Hidden => {}
                Kind::Read => grants.around(path, &hidden, |grants| &mut grants.read),
                Kind::Write | Kind::Scratch => grants.around(path, &hidden, |grants| &mut grants.write),
            }
        }
        grants
    }

    /// TCP may connect to these ports, and listen on none.
    pub(crate) fn only_ports(self, ports: &[u16]) -> Self {
        Self { ports: Some(ports.to_vec()), ..self }
    }

    /// A rule holds for all that is below, so a folder with something hidden in it gets none: its other entries do.
    /// Nothing can be made in it, then.
    fn around(&mut self, path: &Path, hidden: &[&Path], granted: fn(&mut Self) -> &mut Vec<PathBuf>) {
        if hidden.contains(&path) {
            return;
        }
        if !hidden.iter().any(|hidden| hidden.starts_with(path)) {
            return granted(self).push(path.to_owned());
        }
        self.list.push(path.to_owned());
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            // What a link leads to is granted where it is, or not at all.
            if entry.file_type().is_ok_and(|kind| !kind.is_symlink()) {
                self.around(&entry.path(), hidden, granted);
            }
        }
    }

    /// Writes the rules down. Where they are `mandatory`, a kernel with less than version 3 of Landlock is refused.
    pub(crate) fn rules(&self, mandatory: bool) -> io::Result<RulesetCreated> {
        self.created(mandatory).map_err(|_| Errno::OPNOTSUPP.into())
    }

    fn created(&self, mandatory: bool) -> Result<RulesetCreated, RulesetError> {
        let level = if mandatory { CompatLevel::HardRequirement } else { CompatLevel::BestEffort };
        let read = AccessFs::from_read(KNOWN);
        let ruleset = Ruleset::default()
            .set_compatibility(level)
            .handle_access(AccessFs::from_all(NEEDED))?
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(KNOWN))?
            .scope(Scope::from_all(KNOWN))?;
        let ruleset = match &self.ports {
            None => ruleset,
            Some(_) => ruleset
                .set_compatibility(CompatLevel::HardRequirement)
                .handle_access(AccessNet::from_all(KNOWN))?,
        };
        let ports = self.ports.iter().flatten().map(|port| Ok(NetPort::new(*port, AccessNet::ConnectTcp)));
        ruleset
            .create()?
            .set_compatibility(CompatLevel::BestEffort)
            .add_rules(path_beneath_rules(&self.read, read))?
            .add_rules(path_beneath_rules(&self.list, AccessFs::ReadDir))?
            .add_rules(path_beneath_rules(&self.write, AccessFs::from_all(KNOWN)))?
            .add_rules(ports.collect::<Vec<Result<NetPort, RulesetError>>>())
    }
}

/// The rules hold from now on, for this process and all that it starts.
pub(crate) fn hold(rules: RulesetCreated) -> io::Result<()> {
    match rules.restrict_self() {
        Ok(status) if status.ruleset != landlock::RulesetStatus::NotEnforced => Ok(()),
        _ => Err(Errno::OPNOTSUPP.into()),
    }
}

/// The version of Landlock that this kernel has; 0 for none.
pub(crate) fn version() -> i64 {
    const VERSION: libc::c_long = 1;
    #[expect(unsafe_code, reason = "the crate keeps it to itself")]
    // SAFETY: without attributes the kernel reads nothing, and answers with a number.
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<()>(), 0_usize, VERSION) };
    version.max(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Confinement, Tier};

    #[test]
    fn what_lies_beside_something_hidden_is_granted_and_what_is_hidden_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["code/src", "code/tests/goldens", "code/tests/unit"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        fs::write(root.join("code/main.py"), "").unwrap();
        std::os::unix::fs::symlink(root.join("code/tests/goldens"), root.join("code/link")).unwrap();
        let mut confinement = Confinement::new(Tier::Reduced);
        confinement.read = vec![root.join("code")];
        confinement.hide = vec![root.join("code/tests/goldens")];
        let grants = Grants::in_place(&Places::of(&confinement, false).unwrap());
        let below = |paths: &[PathBuf]| -> Vec<String> {
            let below = paths.iter().filter_map(|path| path.strip_prefix(&root).ok());
            let mut below: Vec<String> = below.map(|path| path.display().to_string()).collect();
            below.sort();
            below
        };
        assert_eq!(below(&grants.read), ["code/main.py", "code/src", "code/tests/unit"]);
        assert_eq!(below(&grants.list), ["code", "code/tests"]);
        assert!(below(&grants.write).is_empty());
    }
}
