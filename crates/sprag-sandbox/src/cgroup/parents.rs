//! Where on this machine a group can be made, and how much memory there is for it.

use std::path::{Path, PathBuf};

use super::{Kind, counted, text};

/// A folder in which groups can be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) kind: Kind,
    pub(super) path: PathBuf,
}

/// Where groups may be had, the best first: `mounts` is a proc_pid_mountinfo(5), `own` a cgroup(7) of this process.
pub(super) fn parents(mounts: &str, own: &str) -> Vec<Parent> {
    let mut parents = Vec::new();
    for line in mounts.lines() {
        let (mount, source) = line.split_once(" - ").unwrap_or_default();
        let mount: Vec<&str> = mount.split(' ').collect();
        let mut source = source.split(' ');
        let (Some(root), Some(at), Some(kind)) = (mount.get(3), mount.get(4), source.next()) else {
            continue;
        };
        let options: Vec<&str> = source.nth(1).unwrap_or_default().split(',').collect();
        let place = |controller: &str| {
            // number:controllers:path; those of version 2 have no name.
            let path = own.lines().find_map(|line| {
                let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
                controllers.split(',').any(|name| name == controller).then_some(path)
            });
            let below = Path::new(path?).strip_prefix(root).ok()?;
            // One above what is mounted can't be reached.
            (!below.starts_with("..")).then(|| Path::new(at).join(below))
        };
        match kind {
            "cgroup2" => {
                let own = place("").unwrap_or_default();
                let around = own.ancestors().take_while(|path| path.starts_with(at));
                let all = around.filter(|path| limits_groups(path));
                parents.splice(0..0, all.map(|path| Parent { kind: Kind::All, path: path.to_owned() }));
            }
            "cgroup" => {
                let names = [("memory", Kind::Memory), ("pids", Kind::Processes), ("cpuacct", Kind::Time)];
                let found = names.into_iter().filter(|(name, _)| options.contains(name));
                parents.extend(found.filter_map(|(name, kind)| Some(Parent { kind, path: place(name)? })));
            }
            _ => {}
        }
    }
    parents
}

/// Whether what is made in this folder of version 2 has limits.
fn limits_groups(path: &Path) -> bool {
    let given = text(path.join("cgroup.subtree_control"));
    ["memory", "pids"].iter().all(|name| given.split_whitespace().any(|given| given == *name))
}

/// Three quarters of what there is, in whole megabytes.
pub(super) fn usual_memory(kind: Kind, parent: &Path) -> u64 {
    let machine = rustix::system::sysinfo();
    let machine = (machine.totalram as u64).saturating_mul(machine.mem_unit.into());
    let around = match kind {
        Kind::All => {
            parent.ancestors().filter_map(|path| text(path.join("memory.max")).trim().parse().ok()).min()
        }
        _ => Some(counted(&text(parent.join("memory.stat")), "hierarchical_memory_limit"))
            .filter(|most| *most > 0),
    };
    around.unwrap_or(u64::MAX).min(machine) / 4 * 3 / 1_000_000 * 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A tree of version 2 in which these folders give limits to those in them.
    fn tree(giving: &[&str]) -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        for path in ["user.slice/user@1.service/app.slice/run-1.scope", "user.slice/session-1.scope"] {
            for folder in Path::new(path).ancestors() {
                fs::create_dir_all(tree.path().join(folder)).unwrap();
                let given =
                    if giving.contains(&folder.to_str().unwrap()) { "cpu memory pids" } else { "cpu" };
                fs::write(tree.path().join(folder).join("cgroup.subtree_control"), given).unwrap();
            }
        }
        tree
    }

    #[test]
    fn in_version_2_a_group_is_made_in_the_nearest_folder_that_gives_limits() {
        let tree = tree(&["", "user.slice", "user.slice/user@1.service/app.slice"]);
        let at = tree.path().to_str().unwrap();
        let mounts = format!(
            "22 1 8:1 / / rw - ext4 /dev/sda rw\n30 22 0:26 / {at} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
        );
        let found = parents(&mounts, "0::/user.slice/user@1.service/app.slice/run-1.scope\n");
        let paths: Vec<_> = found.iter().map(|parent| parent.path.strip_prefix(at).unwrap()).collect();
        let expected = ["user.slice/user@1.service/app.slice", "user.slice", ""].map(Path::new);
        assert_eq!(paths, expected);
        assert!(found.iter().all(|parent| parent.kind == Kind::All));
        // What is outside of a namespace of groups is nobody's to be written.
        assert_eq!(parents(&mounts, "0::/../session-1.scope\n"), []);
    }

    #[test]
    fn in_version_1_there_is_a_folder_for_each_thing_below_what_is_mounted() {
        let mounts = "40 1 0:30 /docker/a /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory
41 1 0:31 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
42 1 0:32 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
43 1 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
";
        let own = "7:cpu,cpuacct:/x\n4:memory:/docker/a/b\n3:pids:/\n0::/x\n";
        let found: Vec<_> = parents(mounts, own).into_iter().map(|p| (p.kind, p.path)).collect();
        let expected = [
            (Kind::Memory, "/sys/fs/cgroup/memory/b"),
            (Kind::Processes, "/sys/fs/cgroup/pids/"),
            (Kind::Time, "/sys/fs/cgroup/cpu,cpuacct/x"),
        ];
        assert_eq!(found, expected.map(|(kind, path)| (kind, path.into())));
        assert_eq!(parents("nonsense\n - \n", ""), []);
    }
}
