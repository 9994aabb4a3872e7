//! Names that are different here and the same on another file system.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

use crate::manifest::Manifest;

/// The paths of a tree and their directories, by the form in which they collide.
pub(crate) struct Taken {
    by_form: HashMap<String, String>,
}

impl Taken {
    pub(crate) fn of(manifest: &Manifest) -> Self {
        let mut taken = Self { by_form: HashMap::with_capacity(manifest.len() * 2) };
        let mut last = "";
        for (path, _) in manifest.iter() {
            // Paths come in order: the directories that the last one had are there already.
            let shared = path.bytes().zip(last.bytes()).take_while(|(a, b)| a == b).count();
            for (end, _) in path.match_indices('/').filter(|(end, _)| *end >= shared) {
                taken.insert(&path[..end]);
            }
            taken.insert(path);
            last = path;
        }
        taken
    }

    fn insert(&mut self, path: &str) {
        self.by_form.entry(form(path)).or_insert_with(|| path.to_owned());
    }

    /// Adds a path; returns the one, other than itself, that it or one of its directories collides with.
    pub(crate) fn add(&mut self, path: &str) -> Option<String> {
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        let mut clash = None;
        for end in ends {
            let part = &path[..end];
            match self.by_form.get(&form(part)) {
                Some(known) if known != part => clash = clash.or_else(|| Some(known.clone())),
                Some(_) => {}
                None => self.insert(part),
            }
        }
        clash
    }
}

/// The same for all names that some file system takes for one: compatibility forms, case, and final dots and spaces
/// are folded.
fn form(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    let folded: String = path.nfkc().flat_map(char::to_lowercase).collect();
    folded.nfkc().collect::<String>().replace('ß', "ss").replace('ς', "σ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BlobId, Entry, FileMode};

    #[test]
    fn case_and_unicode_form_collide_at_any_level_and_the_same_path_does_not() {
        let entry = Entry { mode: FileMode::Regular, id: BlobId::of(b""), size: 0 };
        let manifest = Manifest {
            entries: ["src/a.py", "src/a/x.py", "caf\u{e9}"]
                .iter()
                .map(|p| ((*p).to_owned(), entry))
                .collect(),
        };
        let mut taken = Taken::of(&manifest);
        assert_eq!(taken.add("SRC/b.py").as_deref(), Some("src"));
        assert_eq!(taken.add("src/A.py").as_deref(), Some("src/a.py"));
        assert_eq!(taken.add("cafe\u{301}").as_deref(), Some("caf\u{e9}"));
        assert_eq!(taken.add("src/new.py"), None);
        assert_eq!(taken.add("src/New.py").as_deref(), Some("src/new.py"));
        assert_eq!(taken.add("src/a/y.py"), None);
    }
}
