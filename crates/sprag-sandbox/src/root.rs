//! The root of a jail: a file system in memory, and in it what the program may see, mounted at its own path.
//!
//! Every piece is made as a mount that is nowhere yet, while everything is still where it was; then the root covers
//! what was there, the pieces go into it, and what was there is let go. So no piece can hide the source of another.

use std::ffi::CStr;
use std::fs;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, chmodat, mkdirat, openat, statat, symlinkat};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags,
    UnmountFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen, mount_change, move_mount, open_tree,
    unmount,
};
use rustix::process::{fchdir, geteuid, pivot_root};

use crate::Limits;
use crate::places::{DEVICES, Kind, Places};
use crate::plan::{Refusal, Step};

/// A folder that there is in any case: the launcher needs it.
const COVERED: &str = "/proc";
/// Where scratch folders are made, for as long as the root is built.
const SCRATCH: &str = ".scratch";
/// Links in `/dev` that programs expect.
const DEVICE_LINKS: [(&str, &str); 5] = [
    ("dev/fd", "/proc/self/fd"),
    ("dev/stdin", "/proc/self/fd/0"),
    ("dev/stdout", "/proc/self/fd/1"),
    ("dev/stderr", "/proc/self/fd/2"),
    ("dev/ptmx", "pts/ptmx"),
];
/// From this kernel on, the processes that a limit counts are those of a user namespace, and not of the machine.
pub(crate) const COUNTS_IN_NAMESPACES: (u32, u32) = (5, 14);
/// What is in the root itself, and the folders in it, in bytes.
const ROOT_BYTES: u64 = 4 << 20;

/// Moves this process and all others of its mount namespace into a root of their own. It must be the first of a process
/// namespace, or in one, and have every right in its user namespace. What it was refused, and can be done without.
pub(crate) fn enter(places: &Places, limits: &Limits) -> Result<Vec<Refusal>, Refusal> {
    let here = std::env::current_dir().map_err(Refusal::of(Step::Folder(".".to_owned())))?;
    let root = Step::Root;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).map_err(Refusal::of(root.clone()))?;
    let (proc, lost) = proc(limits).map_err(Refusal::of(Step::Proc))?;
    let terminals = mounted("devpts", &[("ptmxmode", "0666"), ("mode", "0620")], NO_SUID_NO_EXEC);
    let terminals = terminals.map_err(Refusal::of(root.clone()))?;
    let devices: Vec<(&Path, OwnedFd)> = (DEVICES.into_iter().map(Path::new))
        .filter(|device| device.exists())
        .map(|device| Ok((device, copied(device, NO_SUID_NO_EXEC)?)))
        .collect::<io::Result<_>>()
        .map_err(Refusal::of(root.clone()))?;
    let tree = |path: &Path, kind| match kind {
        Kind::Read => copied(path, ATTRIBUTES | libc::MOUNT_ATTR_RDONLY).map(Some),
        Kind::Write => copied(path, ATTRIBUTES).map(Some),
        Kind::Scratch | Kind::Hidden => Ok(None),
    };
    let mut pieces = Vec::new();
    for (path, &kind) in &places.kinds {
        pieces.push((path.as_path(), kind, tree(path, kind).map_err(Refusal::of(place(path)))?));
    }

    let new = New::cover(limits).map_err(Refusal::of(root.clone()))?;
    for (number, (path, kind, tree)) in pieces.into_iter().enumerate() {
        match (kind, tree) {
            (_, Some(tree)) => new.attach(tree, path).map_err(Refusal::of(place(path)))?,
            (Kind::Hidden, None) => {
                new.hide(number, path).map_err(Refusal::of(Step::about(Step::Hide, path)))?;
            }
            (_, None) => new.scratch(number, path).map_err(Refusal::of(place(path)))?,
        }
    }
    let finished = || -> io::Result<()> {
        for (device, tree) in devices {
            new.attach(tree, device)?;
        }
        new.attach(terminals, Path::new("/dev/pts"))?;
        new.attach(proc, Path::new("/proc"))?;
        let links = places.links.iter().map(|(link, to)| (link.as_path(), to.as_path()));
        let device_links = DEVICE_LINKS.iter().map(|(link, to)| (Path::new(link), Path::new(to)));
        for (link, target) in links.chain(device_links) {
            new.link(link, target)?;
        }
        new.pivot()
    };
    finished().map_err(Refusal::of(root))?;
    std::env::set_current_dir(&here).map_err(Refusal::of(Step::about(Step::Folder, &here)))?;
    Ok(lost)
}

const ATTRIBUTES: u64 = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
const NO_SUID_NO_EXEC: u64 = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC;

fn place(path: &Path) -> Step {
    Step::about(Step::Place, path)
}

/// A root that is not entered yet.
struct New(OwnedFd);

impl New {
    fn cover(limits: &Limits) -> io::Result<Self> {
        let size = ROOT_BYTES.to_string();
        let root = mounted("tmpfs", &[("mode", "0755"), ("size", &size)], ATTRIBUTES)?;
        moved(&root, CWD, Path::new(COVERED))?;
        let new = Self(root);
        let (size, files) = (limits.scratch_bytes.to_string(), limits.scratch_files.to_string());
        let options = [("mode", "0755"), ("size", size.as_str()), ("nr_inodes", files.as_str())];
        new.attach(mounted("tmpfs", &options, ATTRIBUTES)?, &Path::new("/").join(SCRATCH))?;
        Ok(new)
    }

    /// Mounts a tree at the path, which is made where it is not there.
    fn attach(&self, tree: OwnedFd, path: &Path) -> io::Result<()> {
        let inside = relative(path);
        let stat = statat(&tree, "", AtFlags::EMPTY_PATH)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            self.folder(inside)?;
        } else {
            self.file(inside)?;
        }
        moved(&tree, &self.0, inside)
    }

    /// An empty folder at the path, in which anybody may write.
    fn scratch(&self, number: usize, path: &Path) -> io::Result<()> {
        let source = Path::new(SCRATCH).join(number.to_string());
        self.folder(&source)?;
        // Made with the bits that the mask leaves; these are what is meant.
        chmodat(&self.0, &source, Mode::from_raw_mode(0o1777), AtFlags::empty())?;
        let tree = self.copied_inside(&source, ATTRIBUTES)?;
        self.attach(tree, path)
    }

    /// Nothing in place of what is at the path.
    fn hide(&self, number: usize, path: &Path) -> io::Result<()> {
        let stat = statat(&self.0, relative(path), AtFlags::SYMLINK_NOFOLLOW)?;
        let source = Path::new(SCRATCH).join(number.to_string());
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => self.folder(&source)?,
            _ => self.file(&source)?,
        }
        let attributes = ATTRIBUTES | libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOEXEC;
        moved(&self.copied_inside(&source, attributes)?, &self.0, relative(path))
    }

    fn copied_inside(&self, path: &Path, attributes: u64) -> io::Result<OwnedFd> {
        let tree =
            open_tree(&self.0, path, OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC)?;
        set_attributes(&tree, attributes)?;
        Ok(tree)
    }

    fn link(&self, link: &Path, target: &Path) -> io::Result<()> {
        let inside = relative(link);
        if let Some(above) = inside.parent() {
            self.folder(above)?;
        }
        match symlinkat(target, &self.0, inside) {
            // By another link to the same place it is there already.
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The folder, and all above it.
    fn folder(&self, inside: &Path) -> io::Result<()> {
        let mut path = PathBuf::new();
        for part in inside {
            path.push(part);
            match mkdirat(&self.0, &path, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The file, and the folders above it.
    fn file(&self, inside: &Path) -> io::Result<()> {
        if statat(&self.0, inside, AtFlags::empty()).is_ok() {
            return Ok(());
        }
        if let Some(above) = inside.parent() {
            self.folder(above)?;
        }
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        openat(&self.0, inside, flags, Mode::from_raw_mode(0o444))?;
        Ok(())
    }

    /// Moves in, lets go of what was there, and makes the root itself read-only.
    fn pivot(self) -> io::Result<()> {
        fchdir(&self.0)?;
        // One above the other at the same place: the old one is on top then, and goes.
        pivot_root(".", ".")?;
        unmount(".", UnmountFlags::DETACH)?;
        let scratch = Path::new("/").join(SCRATCH);
        unmount(&scratch, UnmountFlags::DETACH)?;
        fs::remove_dir(&scratch)?;
        mount_setattr(&self.0, 0, ATTRIBUTES | libc::MOUNT_ATTR_RDONLY)
    }
}

fn relative(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

/// `/proc` of this process's namespace. Nothing in it can be changed: who is root outside could change the kernel's
/// settings there without any right inside. The number of processes is limited where the kernel can do that.
fn proc(limits: &Limits) -> io::Result<(OwnedFd, Vec<Refusal>)> {
    let proc = mounted("proc", &[], ATTRIBUTES | libc::MOUNT_ATTR_NOEXEC)?;
    // Who is not root is limited in any case.
    let lost = limit_processes(&proc, limits.processes).err().filter(|_| geteuid().is_root());
    set_attributes(&proc, ATTRIBUTES | libc::MOUNT_ATTR_NOEXEC | libc::MOUNT_ATTR_RDONLY)?;
    Ok((proc, lost.into_iter().collect()))
}

/// The last number that a process of the namespace can have. It holds for root too, which `RLIMIT_NPROC` does not.
fn limit_processes(proc: &OwnedFd, most: u64) -> Result<(), Refusal> {
    /// Below these no number is given out a second time.
    const RESERVED: u64 = 300;
    let refused = Refusal::of::<io::Error>(Step::Processes);
    // Before this version it is one number for the whole machine, and not to be touched.
    if kernel() < (6, 14) {
        return Err(refused(Errno::NOSYS.into()));
    }
    let write = |most: u64| -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        let file = openat(proc, "sys/kernel/pid_max", flags, Mode::empty())?;
        fs::File::from(file).write_all(most.to_string().as_bytes())
    };
    let mut most = RESERVED + most.max(2);
    loop {
        match write(most) {
            // With many CPUs the least that is allowed is more.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) && most < 1 << 22 => most *= 2,
            done => return done.map_err(refused),
        }
    }
}

/// Major and minor version of the kernel.
pub(crate) fn kernel() -> (u32, u32) {
    let name = rustix::system::uname();
    let release = name.release().to_str().unwrap_or_default();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// A new file system that is mounted nowhere yet.
fn mounted(kind: &str, options: &[(&str, &str)], attributes: u64) -> io::Result<OwnedFd> {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in options {
        fsconfig_set_string(&context, *key, *value)?;
    }
    fsconfig_create(&context)?;
    let attributes = MountAttrFlags::from_bits_retain(u32::try_from(attributes).unwrap_or(u32::MAX));
    Ok(fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}

/// A second mount of what is at the path and below it, mounted nowhere yet.
fn copied(path: &Path, attributes: u64) -> io::Result<OwnedFd> {
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    let tree = open_tree(CWD, path, flags)?;
    set_attributes(&tree, attributes)?;
    Ok(tree)
}

fn moved(tree: &OwnedFd, to: impl AsFd, path: &Path) -> io::Result<()> {
    Ok(move_mount(tree, "", to, path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}

/// Of a tree and of every mount below it.
fn set_attributes(tree: &OwnedFd, attributes: u64) -> io::Result<()> {
    mount_setattr(tree, libc::AT_RECURSIVE, attributes)
}

fn mount_setattr(tree: &OwnedFd, flags: libc::c_int, attributes: u64) -> io::Result<()> {
    let attributes = libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    #[expect(unsafe_code, reason = "neither rustix nor nix has mount_setattr(2)")]
    // SAFETY: the path is a C string, and the struct is as long as is said; the kernel only reads both.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            CStr::as_ptr(c""),
            libc::AT_EMPTY_PATH | flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
