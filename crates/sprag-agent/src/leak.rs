//! Looks for secrets in what an agent left in its copy, before any of it is taken into a store.

use std::fs::{self, File};
use std::io::{self, Read};

use camino::{Utf8Path, Utf8PathBuf};

use crate::listener::Secrets;

/// How much of a file is looked at at once, in bytes.
const PIECE: usize = 1 << 20;

/// The first secret that a file of the copy holds: the name of its variable, and the file. The repository in the copy and
/// what the agent said about its try are thrown away or cleaned, and not looked at.
///
/// # Errors
/// A file or folder cannot be read. Then nobody knows.
pub(crate) fn find(copy: &Utf8Path, secrets: &Secrets) -> io::Result<Option<(String, Utf8PathBuf)>> {
    if secrets.is_empty() {
        return Ok(None);
    }
    let mut pending = vec![copy.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            // A name that is no text is refused by the import, with what it names.
            let Ok(path) = Utf8PathBuf::from_path_buf(entry.path()) else { continue };
            let kind = entry.file_type()?;
            let below = path.strip_prefix(copy).unwrap_or(&path);
            if let Some(name) = secrets.name_in(below.as_str().as_bytes()) {
                return Ok(Some((name.to_owned(), folder)));
            }
            if kind.is_dir() && ![".git", ".sprag"].contains(&below.as_str()) {
                pending.push(path);
            } else if kind.is_symlink() {
                let target = fs::read_link(&path)?.into_os_string().into_encoded_bytes();
                if let Some(name) = secrets.name_in(&target) {
                    return Ok(Some((name.to_owned(), below.to_owned())));
                }
            } else if kind.is_file()
                && let Some(name) = in_file(&path, secrets)?
            {
                return Ok(Some((name, below.to_owned())));
            }
        }
    }
    Ok(None)
}

/// The first secret that a file holds. A file of any size is read in pieces, which overlap by the longest secret.
fn in_file(path: &Utf8Path, secrets: &Secrets) -> io::Result<Option<String>> {
    let mut file = File::open(path)?;
    let mut piece = Vec::new();
    loop {
        let read = (&mut file).take(PIECE as u64).read_to_end(&mut piece)?;
        if let Some(name) = secrets.name_in(&piece) {
            return Ok(Some(name.to_owned()));
        }
        if read == 0 {
            return Ok(None);
        }
        let seen = piece.len().saturating_sub(secrets.longest());
        piece.drain(..seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, Vec<u8>)]) -> Option<(String, String)> {
        let keep = tempfile::tempdir().unwrap();
        let copy = Utf8Path::from_path(keep.path()).unwrap();
        for (path, bytes) in files {
            let path = copy.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let env = [("MY_KEY".to_owned(), "sk-123456".to_owned())].into();
        let secrets = Secrets::of(&env, ["MY_KEY"]);
        find(copy, &secrets).unwrap().map(|(name, path)| (name, path.into_string()))
    }

    #[test]
    fn a_key_is_found_wherever_in_a_file_it_is() {
        let key = b"sk-123456".to_vec();
        for before in [0, 7, PIECE - 4, 3 * PIECE - 1] {
            let bytes = [vec![b'x'; before], key.clone(), vec![b'y'; 20]].concat();
            let expected = Some(("MY_KEY".to_owned(), "src/deep/a.txt".to_owned()));
            assert_eq!(found(&[("src/deep/a.txt", bytes)]), expected, "after {before} bytes");
        }
    }

    #[test]
    fn what_is_thrown_away_or_holds_no_key_is_passed_over() {
        let key = b"sk-123456".to_vec();
        assert_eq!(
            found(&[(".git/logs", key.clone()), (".sprag/proposal.json", key), ("a", b"sk-12345".to_vec())]),
            None
        );
    }
}
