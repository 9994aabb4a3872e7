//! One of the two directories in which trees are built and run, side by side.

use camino::{Utf8Path, Utf8PathBuf};
use sprag_workspace::{Checkout, Store, TreeId};

use crate::SessionError;

/// A directory that holds one tree, and what was built from it.
pub(crate) struct Slot {
    checkout: Checkout,
    /// Nothing has run since the last sync, here or beside it, so that the slot holds its tree and nothing else.
    clean: bool,
    cache: Vec<String>,
    inputs: Vec<(String, Utf8PathBuf)>,
    tree: Option<TreeId>,
    built: Option<(TreeId, Option<u64>)>,
}

impl Slot {
    /// Opens the directory `dir`, with links to the copied inputs where the tree expects them. Paths in `cache` stay
    /// when the tree changes.
    ///
    /// # Errors
    /// [`SessionError`] when it cannot be made.
    pub(crate) fn open(
        dir: &Utf8Path,
        cache: &[String],
        inputs: &[(String, Utf8PathBuf)],
    ) -> Result<Self, SessionError> {
        let mut checkout = Checkout::create(dir, cache)?;
        for (path, copy) in inputs {
            checkout.link(path, copy)?;
        }
        let (cache, inputs) = (cache.to_vec(), inputs.to_vec());
        Ok(Self { checkout, clean: false, cache, inputs, tree: None, built: None })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Utf8Path {
        self.checkout.path()
    }

    /// The tree that was put into it.
    pub(crate) fn tree(&self) -> TreeId {
        self.tree.expect("a tree is loaded before it is measured or relinked")
    }

    /// Something is about to run that may write into it.
    pub(crate) fn soil(&mut self) {
        self.clean = false;
    }

    /// What was built here is built no more.
    pub(crate) fn forget_build(&mut self) {
        self.built = None;
    }

    /// `tree` was built here, with these sections' order.
    ///
    /// # Errors
    /// [`SessionError`] when the directory cannot be read.
    pub(crate) fn has_been_built(
        &mut self,
        store: &Store,
        tree: &TreeId,
        layout: Option<u64>,
        package: &str,
    ) -> Result<(), SessionError> {
        self.built = Some((*tree, layout));
        self.keep_what_was_built(store, tree, package)
    }

    /// Makes the slot hold exactly `tree` and its caches, unless it is known to. What was built from another tree goes:
    /// the next build must not find it, as if it came from its own sources.
    ///
    /// # Errors
    /// [`SessionError`] when store or directory fail.
    pub(crate) fn sync(&mut self, store: &Store, tree: &TreeId) -> Result<(), SessionError> {
        if !(self.clean && self.tree.as_ref() == Some(tree)) {
            self.clean = false;
            if !self.has_built(tree, None) {
                self.checkout.keep_only(self.cache.clone());
            }
            self.checkout.sync(store, tree)?;
        }
        self.tree = Some(*tree);
        self.clean = true;
        Ok(())
    }

    /// Whether what stands here is a build of `tree` with this layout; without a seed any layout will do.
    pub(crate) fn has_built(&self, tree: &TreeId, layout: Option<u64>) -> bool {
        self.built.is_some_and(|(built, seed)| built == *tree && (layout.is_none() || layout == seed))
    }

    /// What a build wrote at the top of the tree, or of the package, stays as long as its tree does; deeper outputs belong
    /// into `[workspace] cache`.
    fn keep_what_was_built(
        &mut self,
        store: &Store,
        tree: &TreeId,
        package: &str,
    ) -> Result<(), SessionError> {
        let manifest = store.manifest(tree)?;
        let top = self.checkout.path().to_owned();
        let mut keep = self.cache.clone();
        let mut folders = vec![(top.clone(), String::new())];
        if package != "." {
            folders.push((top.join(package), format!("{package}/")));
        }
        for (folder, prefix) in folders {
            for entry in folder.read_dir_utf8().map_err(|e| SessionError::io("read", &folder, e))?.flatten() {
                let path = format!("{prefix}{}", entry.file_name());
                let known = manifest.contains(&path) || manifest.contains_dir(&path);
                let below = format!("{path}/");
                let input = self.inputs.iter().any(|(input, _)| *input == path || input.starts_with(&below));
                if !known && !input && !keep.contains(&path) {
                    keep.push(path);
                }
            }
        }
        self.checkout.keep_only(keep);
        Ok(())
    }
}
