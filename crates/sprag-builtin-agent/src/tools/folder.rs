//! The copy as the tools see it: nothing is reached through a link or out of it, whatever a path says.

use std::fs::File;
use std::io::{self, Read as _, Write as _};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use ignore::WalkBuilder;
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use sprag_workspace::Beneath;

/// A larger file is read by nobody, in bytes.
pub(super) const MAX_FILE: u64 = 4 << 20;

/// The copy.
pub(super) struct Folder {
    beneath: Beneath,
}

impl Folder {
    pub(super) fn open(copy: &Utf8Path) -> Result<Self, sprag_workspace::Error> {
        Ok(Self { beneath: Beneath::open(copy)? })
    }

    /// A path of the model's, relative to the copy; the copy itself is the empty one.
    pub(super) fn path(&self, said: &str) -> Result<Utf8PathBuf, String> {
        let said = Utf8Path::new(said.trim());
        let relative = said.strip_prefix(self.beneath.path()).unwrap_or(said);
        let mut path = Utf8PathBuf::new();
        for part in relative.components() {
            match part {
                Utf8Component::Normal(part) => path.push(part),
                Utf8Component::CurDir => {}
                _ => return Err(format!("{said}: a path must lead into the folder, and is relative to it")),
            }
        }
        Ok(path)
    }

    /// The whole text of a file.
    pub(super) fn text(&self, path: &Utf8Path) -> Result<String, String> {
        let bytes = self.bytes(path).map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => {
                format!("{path}: it has more than {} MiB; search it with grep", MAX_FILE >> 20)
            }
            _ => format!("{path}: {}", words(&error)),
        })?;
        String::from_utf8(bytes).map_err(|_| format!("{path}: it is no UTF-8 text"))
    }

    /// The bytes of a regular file that is not too large.
    pub(super) fn bytes(&self, path: &Utf8Path) -> io::Result<Vec<u8>> {
        let file = File::from(self.beneath.file(path.as_str().as_bytes())?);
        let found = file.metadata()?;
        if found.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if !found.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut bytes = Vec::new();
        // One byte more shows that it has grown since.
        file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes)
    }

    /// Puts a file in the place of the one that is there, with the same permissions; in a new folder, where there is none.
    pub(super) fn replace(&self, path: &Utf8Path, text: &str) -> Result<(), String> {
        self.try_replace(path, text).map_err(|errno| format!("{path}: {}", words(&errno.into())))
    }

    fn try_replace(&self, path: &Utf8Path, text: &str) -> Result<(), Errno> {
        let name = path.file_name().ok_or(Errno::ISDIR)?;
        let parent = self.beneath.make_parent(path.as_str())?;
        let mode = match rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => match FileType::from_raw_mode(found.st_mode) {
                FileType::RegularFile => Mode::from_raw_mode(found.st_mode & 0o777),
                FileType::Directory => return Err(Errno::ISDIR),
                FileType::Symlink => return Err(Errno::LOOP),
                _ => return Err(Errno::INVAL),
            },
            Err(Errno::NOENT) => Mode::from_raw_mode(0o644),
            Err(errno) => return Err(errno),
        };
        // Beside it first: what is there may have other names, and nobody is to see a half.
        let new = format!(".sprag-{}.new", std::process::id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&parent, new.as_str(), flags, mode)?);
        let written = rustix::fs::fchmod(&file, mode)
            .and_then(|()| {
                file.write_all(text.as_bytes()).map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO))
            })
            .and_then(|()| rustix::fs::renameat(&parent, new.as_str(), &parent, name));
        if written.is_err() {
            let _ = rustix::fs::unlinkat(&parent, new.as_str(), AtFlags::empty());
        }
        written
    }

    /// The files below a path, in order, but for those that git ignores and for git's own. A file stands for itself.
    pub(super) fn files(&self, path: &Utf8Path) -> Result<impl Iterator<Item = Utf8PathBuf>, String> {
        let name = if path.as_str().is_empty() { Utf8Path::new(".") } else { path };
        // Whether it is there, and not behind a link.
        self.beneath
            .file(name.as_str().as_bytes())
            .map_err(|errno| format!("{name}: {}", words(&errno.into())))?;
        let top = self.beneath.path().to_owned();
        let walk = WalkBuilder::new(top.join(path))
            .hidden(false)
            .require_git(false)
            .git_global(false)
            .parents(false)
            .sort_by_file_name(Ord::cmp)
            .filter_entry(|entry| entry.file_name() != ".git")
            .build();
        Ok(walk.filter_map(move |entry| {
            let entry = entry.ok().filter(|entry| entry.file_type().is_some_and(|kind| !kind.is_dir()))?;
            Utf8PathBuf::from_path_buf(entry.into_path())
                .ok()?
                .strip_prefix(&top)
                .ok()
                .map(Utf8Path::to_owned)
        }))
    }
}

/// What went wrong, for a model.
fn words(error: &io::Error) -> String {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::LOOP) => {
            "it is a link, or behind one; only what lies in the folder itself is opened".to_owned()
        }
        Some(Errno::XDEV) => "it leads out of the folder".to_owned(),
        Some(Errno::NOTDIR) => "a file or a link stands where a folder should".to_owned(),
        Some(Errno::ISDIR) => "it is a folder".to_owned(),
        Some(Errno::NOENT) => "there is no such file".to_owned(),
        _ => match error.kind() {
            io::ErrorKind::IsADirectory => "it is a folder; use list".to_owned(),
            io::ErrorKind::InvalidInput => "it is no regular file".to_owned(),
            _ => error.to_string(),
        },
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    /// A folder `in` with a file `a`, beside what nobody may reach.
    pub(in crate::tools) fn folder() -> (tempfile::TempDir, Utf8PathBuf, Folder) {
        let keep = tempfile::tempdir().unwrap();
        let top = Utf8PathBuf::from_path_buf(keep.path().canonicalize().unwrap()).unwrap();
        std::fs::create_dir_all(top.join("in/sub")).unwrap();
        std::fs::write(top.join("in/a"), "one\ntwo\nthree\n").unwrap();
        std::fs::write(top.join("secret"), "secret\n").unwrap();
        let folder = Folder::open(&top.join("in")).unwrap();
        (keep, top, folder)
    }

    #[test]
    fn no_path_leads_out() {
        let (_keep, top, folder) = folder();
        symlink("../secret", top.join("in/link")).unwrap();
        symlink("..", top.join("in/up")).unwrap();
        for said in ["../secret", "/etc/passwd", "sub/../../secret", "/"] {
            assert!(folder.path(said).unwrap_err().contains("into the folder"), "{said}");
        }
        for said in ["link", "up/secret", "up/in/a"] {
            let path = folder.path(said).unwrap();
            assert!(folder.text(&path).unwrap_err().contains("a link"), "{said}");
            assert!(folder.replace(&path, "x").unwrap_err().contains("a link"), "{said}");
            assert!(folder.files(&path).is_err(), "{said}");
        }
        assert_eq!(std::fs::read_to_string(top.join("secret")).unwrap(), "secret\n");
        assert!(
            folder.files(Utf8Path::new("")).unwrap().all(|path| folder
                .text(&path)
                .is_ok_and(|t| t != "secret\n")
                || path == "link"
                || path == "up")
        );
    }

    #[test]
    fn a_path_may_be_absolute_where_it_leads_into_the_folder() {
        let (_keep, top, folder) = folder();
        for said in ["a", "./a", " a ", top.join("in/a").as_str()] {
            assert_eq!(folder.path(said).unwrap(), "a", "{said}");
        }
    }

    #[test]
    fn a_file_keeps_its_permissions_and_another_name_of_it_its_text() {
        let (_keep, top, folder) = folder();
        let (file, other) = (top.join("in/a"), top.join("other"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::hard_link(&file, &other).unwrap();
        folder.replace(Utf8Path::new("a"), "new\n").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "new\n");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "one\ntwo\nthree\n");
        folder.replace(Utf8Path::new("new/deep/b"), "b").unwrap();
        assert!(folder.replace(Utf8Path::new("sub"), "b").unwrap_err().contains("a folder"));
        let names: Vec<_> =
            std::fs::read_dir(top.join("in")).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names.len(), 3, "{names:?}");
    }

    #[test]
    fn what_is_no_plain_text_is_told() {
        let (_keep, top, folder) = folder();
        std::fs::write(top.join("in/binary"), [0xff, 0]).unwrap();
        std::fs::File::create(top.join("in/large")).unwrap().set_len(MAX_FILE + 1).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, top.join("in/pipe").as_std_path(), Mode::from_raw_mode(0o644))
            .unwrap();
        let why = |path: &str| folder.text(Utf8Path::new(path)).unwrap_err();
        assert!(
            why("binary").contains("UTF-8")
                && why("large").contains("MiB")
                && why("pipe").contains("regular")
        );
        assert!(why("sub").contains("a folder") && why("nothing").contains("no such file"));
    }
}
