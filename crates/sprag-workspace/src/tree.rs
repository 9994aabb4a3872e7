//! Trees as git stores them: reading one level, and making a tree that differs from another in a few paths. Only the
//! directories above those paths are read or written, however large the tree is.

use std::collections::BTreeMap;

use crate::id::Oid;
use crate::loose::{Batch, Kind};
use crate::manifest::FileMode;
use crate::{Error, Result};

/// The octal mode of a directory.
const DIRECTORY: &[u8] = b"40000";

/// What a name of one level stands for. The mode is kept as it was written: historic trees carry odd ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    mode: Vec<u8>,
    pub(crate) id: Oid,
}

impl Node {
    pub(crate) fn is_dir(&self) -> bool {
        self.mode == DIRECTORY
    }

    /// A commit of another repository, whose bytes are not here.
    pub(crate) fn is_submodule(&self) -> bool {
        self.mode == b"160000"
    }
}

/// One level of a tree.
pub(crate) type Level = BTreeMap<Vec<u8>, Node>;

/// One edit: a path, and the mode and blob it gets; none where it goes away.
pub(crate) type PathEdit<'a> = (&'a str, Option<(FileMode, Oid)>);

/// Reads one level: `<mode> <name>\0<20 bytes>`, again and again.
pub(crate) fn parse(bytes: &[u8]) -> Result<Level> {
    let bad = || Error::GitOutput { command: "cat-file", what: "a tree that cannot be read".to_owned() };
    let mut level = Level::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let space = rest.iter().position(|&byte| byte == b' ').ok_or_else(bad)?;
        let (mode, after) = (&rest[..space], &rest[space + 1..]);
        let zero = after.iter().position(|&byte| byte == 0).ok_or_else(bad)?;
        let id = after.get(zero + 1..zero + 21).and_then(|id| id.try_into().ok()).ok_or_else(bad)?;
        level.insert(after[..zero].to_vec(), Node { mode: mode.to_vec(), id: Oid(id) });
        rest = &after[zero + 21..];
    }
    Ok(level)
}

/// Writes one level in git's order, in which a directory is compared as if its name ended with `/`.
fn serialize(level: &Level) -> Vec<u8> {
    let key = |name: &[u8], node: &Node| if node.is_dir() { [name, b"/"].concat() } else { name.to_vec() };
    let mut ordered: Vec<_> = level.iter().map(|(name, node)| (key(name, node), name, node)).collect();
    ordered.sort_by(|a, b| a.0.cmp(&b.0));
    let mut bytes = Vec::new();
    for (_, name, node) in ordered {
        bytes.extend_from_slice(&node.mode);
        bytes.push(b' ');
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend_from_slice(&node.id.0);
    }
    bytes
}

/// The tree that edits make of another, into `batch`. `read` answers the bytes of a tree.
///
/// Removals come first, so that a directory may take the place of a file; what is put at a path replaces whatever was
/// there. Directories that become empty go away.
pub(crate) fn edit(
    base: Oid,
    edits: &[PathEdit<'_>],
    read: &dyn Fn(Oid) -> Result<Vec<u8>>,
    batch: &mut Batch,
) -> Result<Oid> {
    let top = edit_level(Some(base), edits, read, batch)?;
    Ok(top.unwrap_or_else(|| batch.add(Kind::Tree, b"")))
}

fn edit_level(
    base: Option<Oid>,
    edits: &[PathEdit<'_>],
    read: &dyn Fn(Oid) -> Result<Vec<u8>>,
    batch: &mut Batch,
) -> Result<Option<Oid>> {
    let mut level = base.map_or_else(|| Ok(Level::new()), |base| parse(&read(base)?))?;
    let mut here: Vec<PathEdit<'_>> = Vec::new();
    let mut below: BTreeMap<&str, Vec<PathEdit<'_>>> = BTreeMap::new();
    for (path, entry) in edits {
        match path.split_once('/') {
            Some((dir, rest)) => below.entry(dir).or_default().push((rest, *entry)),
            None => here.push((path, *entry)),
        }
    }
    for (name, _) in here.iter().filter(|(_, entry)| entry.is_none()) {
        if level.get(name.as_bytes()).is_some_and(|node| !node.is_dir()) {
            level.remove(name.as_bytes());
        }
    }
    for (dir, edits) in below {
        let known = level.get(dir.as_bytes()).filter(|node| node.is_dir()).map(|node| node.id);
        match edit_level(known, &edits, read, batch)? {
            Some(id) => {
                level.insert(dir.as_bytes().to_vec(), Node { mode: DIRECTORY.to_vec(), id });
            }
            None if known.is_some() => {
                level.remove(dir.as_bytes());
            }
            None => {}
        }
    }
    for (name, entry) in here {
        if let Some((mode, id)) = entry {
            level.insert(name.as_bytes().to_vec(), Node { mode: mode.as_git().as_bytes().to_vec(), id });
        }
    }
    Ok((!level.is_empty()).then(|| batch.add(Kind::Tree, &serialize(&level))))
}

/// What one tree has that another has not.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    /// Directories and files of the new tree that are not at the same place in the old one.
    pub(crate) new: Vec<(Oid, Kind)>,
    /// A path of the old tree is no path of the new one, or of another kind there.
    pub(crate) lost: bool,
}

/// Compares two trees. Equal directories are not looked into; `limit` new ones end the search.
pub(crate) fn difference(
    old: Oid,
    new: Oid,
    limit: usize,
    read: &dyn Fn(Oid) -> Result<Vec<u8>>,
) -> Result<Difference> {
    let mut found = Difference::default();
    let mut pending = vec![(Some(old), new)];
    while let Some((old, new)) = pending.pop() {
        if old == Some(new) {
            continue;
        }
        if found.new.len() > limit {
            break;
        }
        found.new.push((new, Kind::Tree));
        let before = old.map_or_else(|| Ok(Level::new()), |old| parse(&read(old)?))?;
        let after = parse(&read(new)?)?;
        found.lost |=
            before.iter().any(|(name, node)| after.get(name).is_none_or(|now| now.mode != node.mode));
        for (name, node) in after {
            let known = before.get(&name);
            match node.is_dir() {
                _ if known == Some(&node) || node.is_submodule() => {}
                true => pending.push((known.filter(|known| known.is_dir()).map(|known| known.id), node.id)),
                false => found.new.push((node.id, Kind::Blob)),
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::cell::RefCell;
    use std::collections::HashMap;

    use super::*;

    /// A store in memory: trees by name.
    #[derive(Default)]
    struct Memory(RefCell<HashMap<Oid, Vec<u8>>>);

    impl Memory {
        fn edit(&self, base: Oid, edits: &[PathEdit<'_>]) -> Oid {
            let mut batch = Batch::default();
            let read = |id: Oid| Ok(self.0.borrow()[&id].clone());
            let id = edit(base, edits, &read, &mut batch).unwrap();
            self.0.borrow_mut().extend(batch.plain());
            id
        }

        fn empty(&self) -> Oid {
            let mut batch = Batch::default();
            let id = batch.add(Kind::Tree, b"");
            self.0.borrow_mut().extend(batch.plain());
            id
        }
    }

    fn blob(n: u8) -> Option<(FileMode, Oid)> {
        Some((FileMode::Regular, Oid([n; 20])))
    }

    #[test]
    fn a_file_gives_way_to_a_directory_and_an_emptied_directory_goes_away() {
        let memory = Memory::default();
        let empty = memory.empty();
        assert_eq!(
            empty.to_string(),
            "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
            "git's name of the empty tree"
        );
        let file = memory.edit(empty, &[("a", blob(1)), ("b/c", blob(2))]);
        let dir = memory.edit(file, &[("a", None), ("a/x/y", blob(3))]);
        assert_eq!(memory.edit(dir, &[("a/x/y", None), ("a", blob(1))]), file);
        assert_eq!(memory.edit(file, &[("b/c", None)]), memory.edit(empty, &[("a", blob(1))]));
        assert_eq!(memory.edit(file, &[("a", None), ("b/c", None)]), empty);
    }

    proptest! {
        #[test]
        fn a_tree_depends_on_what_is_in_it_and_not_on_how_it_came_there(
            files in prop::collection::btree_map("[ab](-|\\.)?(/[abc]){1,2}", 1u8..9, 1..12),
            cut in 0usize..12,
        ) {
            let memory = Memory::default();
            let empty = memory.empty();
            let edits: Vec<PathEdit<'_>> = files.iter().map(|(path, n)| (path.as_str(), blob(*n))).collect();
            // A path below another one is no file beside it.
            prop_assume!(edits.iter().all(|(a, _)| edits.iter().all(|(b, _)| !b.starts_with(&format!("{a}/")))));
            let at_once = memory.edit(empty, &edits);
            let (first, second) = edits.split_at(cut.min(edits.len()));
            prop_assert_eq!(memory.edit(memory.edit(empty, second), first), at_once);
            let gone: Vec<PathEdit<'_>> = edits.iter().map(|(path, _)| (*path, None)).collect();
            prop_assert_eq!(memory.edit(at_once, &gone), empty);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }
    }
}
