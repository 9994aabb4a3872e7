//! The objects of one tree in one pack, kept beside the store's own: an agent's copy begins as a copy of that pack and
//! the few objects that differ, so that a try costs what changed and one file that is copied.

use camino::{Utf8Path, Utf8PathBuf};

use crate::id::{Oid, TreeId};
use crate::loose::{Batch, Kind};
use crate::store::Store;
use crate::tree::difference;
use crate::{Error, Result};

/// Where the pack lies in the store. Everything in it can be deleted and made again.
const PLACE: &str = "agent-pack";
/// More objects than this beside the pack, and a new one is made.
const BESIDE: usize = 500;

impl Store {
    /// Puts all objects of a tree into a repository that is being made: a pack into `pack_dir`, the rest into `batch`.
    pub(crate) fn copy_tree_objects(
        &self,
        tree: &TreeId,
        pack_dir: &Utf8Path,
        batch: &mut Batch,
    ) -> Result<()> {
        let usable = self.packed_tree().map(|packed| Ok((packed, self.beside(packed, tree)?))).transpose()?;
        let (packed, missing) = match usable {
            Some((packed, Some(missing))) => (packed, missing),
            _ => (self.pack_tree(tree)?, Vec::new()),
        };
        let place = self.dir().join(PLACE);
        for end in ["pack", "idx"] {
            let (from, to) =
                (place.join(format!("{packed}.{end}")), pack_dir.join(format!("pack-{packed}.{end}")));
            std::fs::copy(&from, &to).map_err(Error::io("copy", from))?;
        }
        for (id, kind) in missing {
            batch.add(kind, &self.object(id)?);
        }
        Ok(())
    }

    /// The tree whose pack is there.
    fn packed_tree(&self) -> Option<Oid> {
        let entries = self.dir().join(PLACE).read_dir_utf8().ok()?;
        let trees =
            entries.flatten().filter_map(|entry| Oid::parse(entry.file_name().strip_suffix(".idx")?).ok());
        trees.filter(|tree| self.dir().join(PLACE).join(format!("{tree}.pack")).is_file()).last()
    }

    /// The objects of `tree` that the pack of `packed` may lack; none where another pack must be made.
    fn beside(&self, packed: Oid, tree: &TreeId) -> Result<Option<Vec<(Oid, Kind)>>> {
        match difference(packed, tree.0, BESIDE, &|id| self.object(id)) {
            // What is no path of the tree may be hidden from the agent on purpose.
            Ok(found) if found.lost || found.new.len() > BESIDE => Ok(None),
            Ok(found) => Ok(Some(found.new)),
            // The pack may be of a tree that is gone.
            Err(Error::MissingObject { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the pack anew.
    fn pack_tree(&self, tree: &TreeId) -> Result<Oid> {
        let place = self.dir().join(PLACE);
        match std::fs::remove_dir_all(&place) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("clear", place)(error));
            }
            _ => {}
        }
        std::fs::create_dir_all(&place).map_err(Error::io("create", &place))?;
        let list = ["rev-list", "--objects", "--no-object-names", &tree.to_string()];
        let objects = self.git().run(&list, b"")?;
        let git = self.git().clone().with_config("core.fsync=none".to_owned());
        let base: Utf8PathBuf = place.join("new");
        let pack = ["pack-objects", "-q", "--window=0", "--threads=1", base.as_str()];
        let name = git.line(&pack, &objects)?;
        // The index last: by it the pack is found.
        for end in ["pack", "idx"] {
            let (from, to) = (place.join(format!("new-{name}.{end}")), place.join(format!("{tree}.{end}")));
            std::fs::rename(&from, &to).map_err(Error::io("rename", from))?;
        }
        Ok(tree.0)
    }
}
