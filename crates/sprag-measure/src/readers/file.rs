//! Numbers in files that a benchmark writes: JSON by pointer, criterion's estimates.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use rustix::fs::OFlags;
use serde_json::Value;
use sprag_contract::settings::Reader;

use crate::MeasureError;

const LIMIT: u64 = 16 << 20;

/// Removes what an earlier run, or the tree itself, left where this reader looks: a stale number is no number.
pub(crate) fn clear(reader: &Reader, dir: &Utf8Path) -> Result<(), MeasureError> {
    let Some((file, _)) = target(reader) else { return Ok(()) };
    let path = inside(dir, &file).map_err(|what| {
        MeasureError::harness(
            what,
            "give measure.read a path inside the workspace, such as \"out.json#/p95\"",
        )
    })?;
    // A folder that an earlier run put in the way, in a cache perhaps, must not end the session.
    let removed = match fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir()) {
        true => fs::remove_dir_all(&path),
        false => fs::remove_file(&path),
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound && error.kind() != ErrorKind::NotADirectory => {
            Err(MeasureError::file("remove the old", path)(error))
        }
        _ => Ok(()),
    }
}

/// The number, or `None` where the reader reads lines; the complaint says what is wrong with the file.
pub(crate) fn read_file(reader: &Reader, dir: &Utf8Path) -> Result<Option<f64>, String> {
    let Some((file, pointers)) = target(reader) else { return Ok(None) };
    let path = inside(dir, &file)?;
    let bytes = regular_bytes(&path).map_err(|error| format!("{file} cannot be read: {error}"))?;
    let json: Value =
        serde_json::from_slice(&bytes).map_err(|error| format!("{file} is no JSON: {error}"))?;
    let found = pointers.iter().find_map(|pointer| json.pointer(pointer));
    let value = found.ok_or_else(|| format!("{file} has nothing at {}", pointers.join(" or ")))?;
    match value.as_f64().filter(|number| number.is_finite()) {
        Some(number) => Ok(Some(number)),
        None => Err(format!("{file} has no finite number at {}", pointers.join(" or "))),
    }
}

/// The file, and where in it the number may be, in order of preference.
fn target(reader: &Reader) -> Option<(String, Vec<String>)> {
    match reader {
        Reader::Regex(_) => None,
        Reader::Json(place) => {
            let (file, pointer) = place.split_once('#').unwrap_or((place, ""));
            Some((file.to_owned(), vec![pointer.to_owned()]))
        }
        // Criterion writes nanoseconds for one iteration.
        Reader::Criterion(bench) => Some((
            format!("target/criterion/{bench}/new/estimates.json"),
            vec!["/median/point_estimate".to_owned(), "/mean/point_estimate".to_owned()],
        )),
    }
}

fn inside(dir: &Utf8Path, file: &str) -> Result<Utf8PathBuf, String> {
    let relative = Utf8Path::new(file);
    let plain = |part| matches!(part, Utf8Component::Normal(_) | Utf8Component::CurDir);
    if file.is_empty() || !relative.components().all(plain) {
        return Err(format!("`{file}` is no path inside the workspace"));
    }
    // Real folders only: a link could lead the reader, and the removal, out of the tree.
    let mut at = dir.to_owned();
    for part in relative.parent().into_iter().flat_map(Utf8Path::components) {
        at.push(part.as_str());
        if fs::symlink_metadata(&at).is_ok_and(|found| found.file_type().is_symlink()) {
            return Err(format!("`{file}` goes through a link"));
        }
    }
    Ok(dir.join(relative))
}

/// A regular file's bytes; links, pipes and devices are refused without waiting on them.
pub(crate) fn regular_bytes(path: &Utf8Path) -> std::io::Result<Vec<u8>> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(std::io::Error::other(format!("it is larger than {} MiB", LIMIT >> 20)));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir() -> (tempfile::TempDir, Utf8PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::try_from(dir.path().to_owned()).unwrap();
        (dir, path)
    }

    #[test]
    fn a_number_is_found_by_its_pointer() {
        let (_keep, dir) = dir();
        let reader = Reader::Json("out.json#/a/1/p95".into());
        fs::write(dir.join("out.json"), r#"{"a":[0,{"p95":3.5}]}"#).unwrap();
        assert_eq!(read_file(&reader, &dir), Ok(Some(3.5)));
        clear(&reader, &dir).unwrap();
        assert!(read_file(&reader, &dir).unwrap_err().contains("out.json cannot be read"));
    }

    #[test]
    fn criterion_gives_the_median_and_else_the_mean() {
        let (_keep, dir) = dir();
        let reader = Reader::Criterion("sort/10k".into());
        let folder = dir.join("target/criterion/sort/10k/new");
        fs::create_dir_all(&folder).unwrap();
        let mean = r#"{"mean":{"point_estimate":2.0}}"#;
        fs::write(folder.join("estimates.json"), mean).unwrap();
        assert_eq!(read_file(&reader, &dir), Ok(Some(2.0)));
        let both = r#"{"mean":{"point_estimate":2.0},"median":{"point_estimate":1.0}}"#;
        fs::write(folder.join("estimates.json"), both).unwrap();
        assert_eq!(read_file(&reader, &dir), Ok(Some(1.0)));
    }

    #[test]
    fn a_folder_that_an_earlier_run_put_in_the_way_is_cleared() {
        let (_keep, dir) = dir();
        fs::create_dir_all(dir.join("out.json/deep")).unwrap();
        clear(&Reader::Json("out.json#/p95".into()), &dir).unwrap();
        assert!(!dir.join("out.json").exists());
        assert!(clear(&Reader::Json("../x.json#/p95".into()), &dir).is_err());
    }

    #[test]
    fn hostile_files_and_paths_are_refused() {
        let (_keep, dir) = dir();
        let complaint = |file: &str| read_file(&Reader::Json(format!("{file}#/p")), &dir).unwrap_err();
        std::os::unix::fs::symlink("/etc/hostname", dir.join("link.json")).unwrap();
        std::os::unix::fs::symlink("/etc", dir.join("etc")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            dir.join("pipe.json").as_str(),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        for (text, name) in
            [("[", "broken.json"), (r#"{"p":"1"}"#, "text.json"), (r#"{"p":true}"#, "bool.json")]
        {
            fs::write(dir.join(name), text).unwrap();
        }
        insta::assert_snapshot!(
            ["link.json", "etc/x.json", "pipe.json", "../x.json", "/etc/x.json", "broken.json", "text.json", "bool.json"]
                .map(complaint)
                .join("\n"),
            @r"
        link.json cannot be read: Too many levels of symbolic links (os error 40)
        `etc/x.json` goes through a link
        pipe.json cannot be read: it is no regular file
        `../x.json` is no path inside the workspace
        `/etc/x.json` is no path inside the workspace
        broken.json is no JSON: EOF while parsing a list at line 1 column 1
        text.json has no finite number at /p
        bool.json has no finite number at /p
        ");
    }
}
