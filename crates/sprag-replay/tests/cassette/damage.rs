//! Cassettes that are damaged, forged or of another version.

use std::fs;
use std::os::unix::fs::symlink;

use proptest::prelude::*;
use sprag_replay::CassetteError;
use sprag_replay::cassette::{Cassette, VERSION, verify};

use crate::support::{Folder, asked};

fn recorded() -> Folder {
    let folder = Folder::new();
    folder.record(&[("a", "x", "1"), ("a", "x", "2"), ("b", "y", &"3".repeat(10_000))]);
    folder
}

fn error(folder: &Folder) -> CassetteError {
    Cassette::open(&folder.dir).expect_err("it is damaged")
}

/// Seals a changed cassette again, as somebody could who means harm.
fn reseal(folder: &Folder, interactions: &str) {
    let manifest = folder.read("manifest.json");
    let (head, _) = manifest.split_once("  \"seal\": ").unwrap();
    let was = head.split("\"bytes\": ").nth(1).unwrap().split(',').next().unwrap();
    let head = head.replace(&format!("\"bytes\": {was}"), &format!("\"bytes\": {}", interactions.len()));
    let seal = blake3::hash(format!("{head}{interactions}").as_bytes()).to_hex();
    folder.write("manifest.json", format!("{head}  \"seal\": \"b3:{seal}\"\n}}\n"));
    folder.write("interactions.jsonl", interactions);
}

#[test]
fn no_cassette_is_said_so() {
    let folder = Folder::new();
    assert_eq!(error(&folder), CassetteError::Missing(folder.dir.clone()));
}

#[test]
fn another_version_is_said_so() {
    let folder = recorded();
    let newer = folder.read("manifest.json").replace("\"version\": 1", "\"version\": 2, \"new\": []");
    folder.write("manifest.json", newer);
    assert_eq!(error(&folder), CassetteError::Version { dir: folder.dir.clone(), found: 2, known: VERSION });
}

#[test]
fn a_changed_byte_breaks_the_seal() {
    let folder = recorded();
    let manifest = folder.read("manifest.json");
    folder.write("manifest.json", manifest.replace("reader_calls", "writer_calls"));
    assert_eq!(error(&folder), CassetteError::Seal(folder.dir.clone()));
    folder.write("manifest.json", manifest);
    folder.write(
        "interactions.jsonl",
        folder.read("interactions.jsonl").replace("{\"text\":\"1\"}", "{\"text\":\"7\"}"),
    );
    assert_eq!(error(&folder), CassetteError::Seal(folder.dir.clone()));
}

#[test]
fn a_truncated_cassette_is_said_so() {
    let folder = recorded();
    let interactions = folder.read("interactions.jsonl");
    folder.write("interactions.jsonl", &interactions[..interactions.len() - 10]);
    let message = error(&folder).to_string();
    assert!(
        message.contains("interactions.jsonl: it has ") && message.contains("the manifest says"),
        "{message}"
    );
    fs::remove_file(folder.dir.join("interactions.jsonl")).unwrap();
    assert!(matches!(error(&folder), CassetteError::Io { .. }));
    folder.write("manifest.json", "");
    assert!(matches!(error(&folder), CassetteError::File { .. }));
}

#[test]
fn lines_that_were_sealed_wrong_are_named() {
    let name = "\"name\":\"";
    let change = |folder: &Folder, of: &str, to: &str| {
        let changed = folder.read("interactions.jsonl").replacen(of, to, 1);
        assert_ne!(changed, folder.read("interactions.jsonl"), "{of}");
        reseal(folder, &changed);
    };
    let cases: &[(&str, &str, &str)] = &[
        ("\"ordinal\":1", "\"ordinal\":2", "ordinal is 2 instead of 1"),
        ("\"case\":\"b\"", "\"case\":\"A\"", "order of the cases"),
        ("\"text\":\"x\"", "\"text\":\"z\"", "key is not that of the request"),
        ("\"status\":200", "\"status\":20", "no status"),
        ("\"size\":10000", "\"size\":999999999999", "larger than any body"),
        (name, "\"name\":\"../../../../etc/passwd", "not the name of a blob"),
        ("\"upstream\"", "\"upstreams\"", "unknown field"),
        ("\"upstream\"", "\"class\":\"nobodys_calls\",\"upstream\"", "none of the manifest's"),
        ("\"case\":\"a\"", "\"case\":{\"a\"", "expected"),
        ("\"text\":\"1\"", "\"latin1\":\"\u{20ac}\"", "no byte"),
    ];
    for (of, to, what) in cases {
        let folder = recorded();
        change(&folder, of, to);
        let error = error(&folder);
        let message = error.to_string();
        assert!(
            matches!(&error, CassetteError::Line { line: 1..=3, .. }) && message.contains(what),
            "{of}: {message}"
        );
        assert!(message.contains("interactions.jsonl:"), "{message}");
    }
}

#[test]
fn a_line_of_absurd_length_is_not_read() {
    let folder = recorded();
    reseal(&folder, &format!("{{\"case\":\"{}", "x".repeat(5 << 20)));
    let message = error(&folder).to_string();
    assert!(message.contains("interactions.jsonl:1: it is longer than"), "{message}");
}

fn blob(folder: &Folder) -> camino::Utf8PathBuf {
    folder.dir.join("blobs").read_dir_utf8().unwrap().next().unwrap().unwrap().into_path()
}

fn blob_error(folder: &Folder) -> CassetteError {
    let cassette = Cassette::open(&folder.dir).unwrap();
    let error = cassette.answer(cassette.find("b", asked("y").key()).unwrap(), 0).unwrap_err();
    assert_eq!(verify(&folder.dir).unwrap().damaged.first(), Some(&error));
    error
}

#[test]
fn a_blob_that_is_not_what_its_name_says_is_not_played() {
    let folder = recorded();
    let path = blob(&folder);
    for (content, what) in [
        (zstd::bulk::compress(&[b'4'; 10_000], 0).unwrap(), "not what its name says"),
        (zstd::bulk::compress(&[b'3'; 9_999], 0).unwrap(), "not what its name says"),
        (zstd::bulk::compress(&vec![b'3'; 100 << 20], 0).unwrap(), "not 10000 bytes under zstd"),
        (vec![0; 100_000], "too large"),
        (b"nonsense".to_vec(), "not 10000 bytes under zstd"),
        (Vec::new(), "not what its name says"),
    ] {
        fs::write(&path, content).unwrap();
        let message = blob_error(&folder).to_string();
        assert!(message.contains(what) && message.contains(path.as_str()), "{what}: {message}");
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(blob_error(&folder), CassetteError::Io { .. }));
    symlink("/dev/zero", &path).unwrap();
    assert!(blob_error(&folder).to_string().contains("no regular file"));
}

#[test]
fn a_blob_that_nobody_names_is_found_by_verify() {
    let folder = recorded();
    folder.write("blobs/stray", "x");
    let damaged = verify(&folder.dir).unwrap().damaged;
    assert!(damaged.len() == 1 && damaged[0].to_string().contains("no interaction names it"), "{damaged:?}");
}

#[test]
fn a_line_that_changes_after_opening_is_not_played() {
    let folder = recorded();
    let cassette = Cassette::open(&folder.dir).unwrap();
    let changed = folder.read("interactions.jsonl").replace("{\"text\":\"1\"}", "{\"text\":\"7\"}");
    // In place: the file that is open is this one.
    folder.write("interactions.jsonl", changed);
    let error = cassette.answer(cassette.find("a", asked("x").key()).unwrap(), 0).unwrap_err();
    assert!(error.to_string().contains("changed while it was in use"), "{error}");
}

#[test]
fn timings_that_change_after_opening_are_not_waited_for() {
    let folder = recorded();
    let cassette = Cassette::open(&folder.dir).unwrap();
    folder.write("timings.jsonl", folder.read("timings.jsonl").replace("\"last_us\":0", "\"last_us\":9"));
    let error = cassette.answer(cassette.find("a", asked("x").key()).unwrap(), 0).unwrap_err();
    assert!(error.to_string().contains("timings.jsonl: it was changed while it was in use"), "{error}");
}

#[test]
fn a_copy_is_played_whatever_becomes_of_the_folder() {
    let folder = recorded();
    let known = Cassette::open(&folder.dir).unwrap();
    let every = |cassette: &Cassette| {
        let of = |case, request| cassette.find(case, asked(request).key()).unwrap();
        let (x, y) = (of("a", "x"), of("b", "y"));
        [(x, 0), (x, 1), (y, 0)].map(|(slot, nth)| cassette.answer(slot, nth).unwrap())
    };
    let answers = every(&known);
    let copy = Cassette::open_copy(&folder.dir).unwrap();
    for file in ["interactions.jsonl", "timings.jsonl"] {
        folder.write(file, "nothing");
    }
    fs::write(blob(&folder), "nothing").unwrap();
    assert_eq!(every(&copy), answers);
}

#[test]
fn timings_of_other_interactions_are_refused() {
    let folder = recorded();
    let timings = folder.read("timings.jsonl");
    let mut lines: Vec<&str> = timings.lines().collect();
    folder.write("timings.jsonl", format!("{}\n", lines[1]));
    assert!(Cassette::open(&folder.dir).is_ok(), "not all need to be known");
    lines.swap(0, 1);
    folder.write("timings.jsonl", lines.join("\n"));
    let message = error(&folder).to_string();
    assert!(message.contains("timings.jsonl:2:") && message.contains("may be deleted"), "{message}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Whatever is changed in the sealed files, it is refused; whatever in the others, nothing panics.
    #[test]
    fn no_damage_goes_unseen(file in 0usize..4, place in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let folder = recorded();
        let path = match file {
            0 => folder.dir.join("manifest.json"),
            1 => folder.dir.join("interactions.jsonl"),
            2 => folder.dir.join("timings.jsonl"),
            _ => blob(&folder),
        };
        let mut content = fs::read(&path).unwrap();
        let place = place.index(content.len());
        let changed = cut || content[place] != byte;
        match cut {
            true => content.truncate(place),
            false => content[place] = byte,
        }
        fs::write(&path, &content).unwrap();
        let verified = verify(&folder.dir);
        if changed && file < 2 {
            prop_assert!(verified.is_err());
        }
        if let Ok(cassette) = Cassette::open(&folder.dir) {
            for (case, request) in [("a", "x"), ("b", "y")] {
                let _ = cassette.answer(cassette.find(case, asked(request).key()).unwrap(), 0);
            }
        }
    }

    /// Lines that somebody sealed who means harm: an error or a cassette, and no panic.
    #[test]
    fn forged_lines_are_no_danger(place in any::<prop::sample::Index>(), with in "\\PC{0,6}") {
        let folder = recorded();
        let mut interactions = folder.read("interactions.jsonl");
        let place = place.index(interactions.len());
        interactions.replace_range(place..(place + with.len()).min(interactions.len()), &with);
        reseal(&folder, &interactions);
        let _ = verify(&folder.dir);
    }
}
