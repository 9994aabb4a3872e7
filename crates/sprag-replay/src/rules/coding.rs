//! Bodies that are compressed: what they mean, as far as it can be told in bounded memory.

use std::borrow::Cow;
use std::io::{self, Read};

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use crate::exchange::LARGEST_BODY;

/// More codings than one after the other are a mistake or an attack.
const MOST_CODINGS: usize = 3;

/// What a body means, by its `Content-Encoding`. `None` where that is not known here, the body is none of the kind, or it
/// means more than [`LARGEST_BODY`].
pub(super) fn decoded<'t>(codings: Option<&str>, bytes: &'t [u8]) -> Option<Cow<'t, [u8]>> {
    let codings = codings.unwrap_or_default().split(',').map(str::trim);
    let codings: Vec<&str> =
        codings.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity")).collect();
    if codings.len() > MOST_CODINGS {
        return None;
    }
    // The last one was applied last.
    codings
        .iter()
        .rev()
        .try_fold(Cow::Borrowed(bytes), |bytes, coding| Some(Cow::Owned(one(coding, &bytes)?)))
}

fn one(coding: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    match coding.to_ascii_lowercase().as_str() {
        "gzip" | "x-gzip" => bounded(MultiGzDecoder::new(bytes)),
        // With and without zlib's frame: clients disagree.
        "deflate" => bounded(ZlibDecoder::new(bytes)).or_else(|| bounded(DeflateDecoder::new(bytes))),
        "zstd" => bounded(zstd::stream::read::Decoder::with_buffer(bytes).ok()?),
        _ => None,
    }
}

fn bounded(reader: impl Read) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let read: io::Result<usize> = reader.take(LARGEST_BODY as u64 + 1).read_to_end(&mut out);
    read.ok().filter(|length| *length <= LARGEST_BODY).map(|_| out)
}

/// What of an `Accept-Encoding` may go to an upstream: an answer in another coding could not be searched for secrets.
/// Empty where nothing is left.
pub(crate) fn readable_codings(accepted: &str) -> String {
    let readable = |coding: &&str| {
        let name = coding.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        matches!(name.as_str(), "gzip" | "x-gzip" | "deflate" | "zstd" | "identity")
    };
    accepted.split(',').map(str::trim).filter(readable).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    pub(in crate::rules) fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_is_compressed_is_read() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(b"hello").unwrap();
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
        deflate.write_all(b"hello").unwrap();
        let zstd = zstd::encode_all(&b"hello"[..], 1).unwrap();
        for (coding, bytes) in [
            ("gzip", gzip(b"hello")),
            ("GZIP, identity", gzip(b"hello")),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", deflate.finish().unwrap()),
            ("zstd", zstd.clone()),
            ("zstd, gzip", gzip(&zstd)),
        ] {
            assert_eq!(decoded(Some(coding), &bytes).as_deref(), Some(&b"hello"[..]), "{coding}");
        }
        assert_eq!(decoded(None, b"x").as_deref(), Some(&b"x"[..]));
        assert_eq!(decoded(Some("gzip"), b"x"), None);
        assert_eq!(decoded(Some("br"), b"x"), None);
    }

    #[test]
    fn what_means_too_much_is_not_read() {
        let bomb = gzip(&vec![0; LARGEST_BODY + 1]);
        assert!(bomb.len() < 1 << 20);
        assert_eq!(decoded(Some("gzip"), &bomb), None);
    }

    #[test]
    fn only_readable_codings_are_asked_for() {
        assert_eq!(readable_codings("gzip, deflate, br;q=0.5, zstd, *"), "gzip, deflate, zstd");
        assert_eq!(readable_codings("br"), "");
    }
}
