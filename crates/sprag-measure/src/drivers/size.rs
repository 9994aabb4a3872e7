//! The size of what a build made.

use std::fs::{self, File};
use std::io::{self, Write};

use camino::Utf8Path;
use flate2::{Compression, write::GzEncoder};
use globset::GlobBuilder;
use sprag_contract::settings::Size;

use crate::MeasureError;

/// More files are refused: the walk must end.
const FILES: usize = 200_000;

/// The files that the glob names, in units of 1024 bytes; links are not followed and count nothing. The complaint is
/// about what the candidate made.
pub(super) fn size_kb(size: &Size, dir: &Utf8Path) -> Result<Result<f64, String>, MeasureError> {
    let glob = GlobBuilder::new(&size.glob).literal_separator(true).build().map_err(|error| {
        MeasureError::harness(format!("measure.size: {error}"), "write a glob such as \"dist/**/*.js\"")
    })?;
    let matcher = glob.compile_matcher();
    let mut folders = vec![dir.to_owned()];
    let (mut seen, mut found, mut bytes) = (0, 0, 0);
    while let Some(folder) = folders.pop() {
        // Whatever cannot be listed or read there, the build made so.
        let entries = match folder.read_dir_utf8() {
            Ok(entries) => entries,
            Err(error) => return Ok(Err(format!("{folder} cannot be listed: {error}"))),
        };
        for entry in entries {
            let looked = entry.and_then(|entry| Ok((entry.file_type()?, entry)));
            let (kind, entry) = match looked {
                Ok(looked) => looked,
                Err(error) => return Ok(Err(format!("{folder} cannot be listed: {error}"))),
            };
            seen += 1;
            if seen > FILES {
                return Ok(Err(format!("more than {FILES} files")));
            }
            if kind.is_dir() {
                folders.push(entry.into_path());
                continue;
            }
            let relative = entry.path().strip_prefix(dir).unwrap_or(entry.path());
            if kind.is_file() && matcher.is_match(relative) {
                found += 1;
                bytes += match length(entry.path(), size.gzip) {
                    Ok(bytes) => bytes,
                    Err(error) => return Ok(Err(format!("{} cannot be read: {error}", entry.path()))),
                };
            }
        }
    }
    match found {
        0 => Ok(Err(format!("no file is named by the glob of measure.size, `{}`", size.glob))),
        _ => Ok(Ok(bytes as f64 / 1024.0)),
    }
}

fn length(path: &Utf8Path, gzip: bool) -> io::Result<u64> {
    if !gzip {
        return Ok(fs::symlink_metadata(path)?.len());
    }
    let mut encoder = GzEncoder::new(Counter(0), Compression::best());
    io::copy(&mut File::open(path)?, &mut encoder)?;
    Ok(encoder.finish()?.0)
}

struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_add_up_and_links_do_not_count() {
        let keep = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(keep.path()).unwrap();
        fs::create_dir_all(dir.join("dist/a")).unwrap();
        fs::write(dir.join("dist/a/x.js"), vec![b'x'; 2048]).unwrap();
        fs::write(dir.join("dist/y.js"), vec![b'y'; 1024]).unwrap();
        fs::write(dir.join("dist/y.css"), vec![b'y'; 1024]).unwrap();
        std::os::unix::fs::symlink("y.js", dir.join("dist/z.js")).unwrap();
        std::os::unix::fs::symlink(dir, dir.join("dist/loop")).unwrap();
        let kb = |glob: &str, gzip| size_kb(&Size { glob: glob.to_owned(), gzip }, dir).unwrap();
        assert_eq!(kb("dist/**/*.js", false), Ok(3.0));
        assert_eq!(kb("dist/*.js", false), Ok(1.0));
        assert!(kb("dist/**/*.js", true).unwrap() < 0.1);
        assert!(kb("nothing/*", false).unwrap_err().contains("no file"));
        assert!(size_kb(&Size { glob: "[".to_owned(), gzip: false }, dir).is_err());
    }
}
