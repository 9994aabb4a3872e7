//! What is remembered of the files of a checkout, so that a later sync need not read them.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use camino::Utf8Path;
use rustix::fs::Stat;
use serde::{Deserialize, Serialize};

use crate::id::BlobId;
use crate::{Error, Result};

/// A file that changed this shortly before it was looked at may change again without its times telling: the clock
/// of a file system ticks every 4 to 10 ms.
const RACY_NS: i128 = 20_000_000;

/// The status of a file when its bytes were known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) id: BlobId,
    size: i64,
    mtime_ns: i64,
    ctime_ns: i64,
    inode: u64,
    mode: u32,
    links: u64,
}

impl Stamp {
    #[allow(clippy::unnecessary_cast, reason = "the widths of these fields differ between systems")]
    pub(crate) fn of(id: BlobId, stat: &Stat) -> Self {
        let nanos = |seconds: i64, nanos: i64| seconds.wrapping_mul(1_000_000_000).wrapping_add(nanos);
        Self {
            id,
            size: stat.st_size as i64,
            mtime_ns: nanos(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            ctime_ns: nanos(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
            inode: stat.st_ino as u64,
            mode: stat.st_mode as u32,
            links: stat.st_nlink as u64,
        }
    }
}

/// The stamps of a checkout, as they are kept beside it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Stamps {
    v: u32,
    /// After a power cut the file system may hold less than it said before.
    boot: String,
    /// When the stamps were taken, nanoseconds since 1970.
    taken_ns: i64,
    pub(crate) files: HashMap<String, Stamp>,
}

const VERSION: u32 = 1;

impl Stamps {
    /// Reads the stamps; none when there are none that can be trusted.
    pub(crate) fn load(path: &Utf8Path) -> Self {
        std::fs::read(path)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok())
            .filter(|stamps| stamps.v == VERSION && stamps.boot == boot_id())
            .unwrap_or_default()
    }

    /// Keeps the stamps for the next process.
    pub(crate) fn save(&mut self, path: &Utf8Path) -> Result<()> {
        self.v = VERSION;
        self.boot = boot_id();
        let bytes = serde_json::to_vec(self).expect("stamps are plain data");
        let aside = path.with_extension("new");
        std::fs::write(&aside, bytes).map_err(Error::io("write", &aside))?;
        std::fs::rename(&aside, path).map_err(Error::io("write", path))
    }

    /// The stamps are taken: what changes from now on shows.
    pub(crate) fn taken_now(&mut self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        self.taken_ns = i64::try_from(now).unwrap_or(i64::MAX);
    }

    /// Whether a stamp says for certain that the bytes are as they were.
    pub(crate) fn settled(&self, stamp: &Stamp) -> bool {
        i128::from(stamp.ctime_ns) < i128::from(self.taken_ns) - RACY_NS
    }
}

fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}
