//! How a connection begins, before there are frames.

use bytes::Bytes;

use super::frame::{Fields, FrameError};

/// The protocol, in the upper half of the version.
const PROTOCOL: u32 = 3;

/// What the application wants of a new connection.
#[derive(Debug)]
pub(super) enum Wish {
    /// To speak encrypted, by TLS or GSSAPI.
    Encryption,
    /// To cancel what another connection does.
    Cancel,
    Start(Start),
}

/// The packet that starts a connection.
#[derive(Debug)]
pub(super) struct Start {
    /// It asks for a newer version of the protocol than the one that all know, 3.0.
    pub(super) is_newer: bool,
    parameters: Vec<(String, String)>,
}

impl Wish {
    pub(super) fn read(packet: &Bytes) -> Result<Self, FrameError> {
        let mut fields = Fields(packet.clone());
        let _length = fields.u32()?;
        match fields.u32()? {
            80_877_103 | 80_877_104 => Ok(Self::Encryption),
            80_877_102 => Ok(Self::Cancel),
            version if version >> 16 == PROTOCOL => {
                let mut parameters = Vec::new();
                loop {
                    let name = fields.string()?;
                    if name.is_empty() {
                        break;
                    }
                    let text = |bytes: Bytes| String::from_utf8_lossy(&bytes).into_owned();
                    parameters.push((text(name), text(fields.string()?)));
                }
                fields.end()?;
                Ok(Self::Start(Start { is_newer: version & 0xffff != 0, parameters }))
            }
            version => Err(FrameError::protocol(format!(
                "there is no protocol {}.{}",
                version >> 16,
                version & 0xffff
            ))),
        }
    }
}

impl Start {
    fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn user(&self) -> &str {
        self.get("user").unwrap_or_default()
    }

    pub(super) fn application(&self) -> &str {
        self.get("application_name").unwrap_or_default()
    }

    /// Named as the user where nothing is said.
    pub(super) fn database(&self) -> &str {
        self.get("database").unwrap_or_else(|| self.user())
    }

    pub(super) fn is_replication(&self) -> bool {
        self.get("replication").is_some_and(|value| !matches!(value, "false" | "off" | "no" | "0"))
    }

    /// What the answers of the connection may depend on, by name: not who asks, nor how the application is called.
    pub(super) fn relevant(&self) -> Vec<(String, String)> {
        let irrelevant =
            |name: &str| matches!(name, "user" | "database" | "application_name" | "replication");
        let relevant = self.parameters.iter().filter(|(name, _)| !irrelevant(name) && !is_option(name));
        let mut relevant: Vec<_> =
            relevant.map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
        relevant.sort();
        relevant
    }

    /// The options of the protocol that are asked for.
    pub(super) fn options(&self) -> Vec<&str> {
        self.parameters.iter().map(|(name, _)| name.as_str()).filter(|name| is_option(name)).collect()
    }
}

fn is_option(name: &str) -> bool {
    name.starts_with("_pq_.")
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use postgres_protocol::message::frontend;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_answers_depend_on_is_told_from_who_asks() {
        let mut packet = BytesMut::new();
        let parameters =
            [("user", "app"), ("TimeZone", "UTC"), ("application_name", "a-7"), ("client_encoding", "UTF8")];
        frontend::startup_message(parameters, &mut packet).unwrap();
        let Ok(Wish::Start(start)) = Wish::read(&packet.freeze()) else { panic!("it starts") };
        assert_eq!((start.user(), start.database(), start.application()), ("app", "app", "a-7"));
        let relevant = [("client_encoding", "UTF8"), ("timezone", "UTC")];
        assert_eq!(start.relevant(), relevant.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(!start.is_newer && !start.is_replication());
    }

    #[test]
    fn the_other_beginnings_are_known() {
        let mut packet = BytesMut::new();
        frontend::ssl_request(&mut packet);
        assert!(matches!(Wish::read(&packet.split().freeze()), Ok(Wish::Encryption)));
        frontend::cancel_request(1, 2, &mut packet);
        assert!(matches!(Wish::read(&packet.split().freeze()), Ok(Wish::Cancel)));
        assert!(Wish::read(&Bytes::from_static(b"\0\0\0\x08\0\x02\0\0")).is_err());
    }

    proptest! {
        #[test]
        fn an_arbitrary_packet_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Wish::read(&bytes.clone().into());
            let start = [&[0, 0, 0, 0, 0, 3, 0, 0], &bytes[..]].concat();
            if let Ok(Wish::Start(start)) = Wish::read(&start.into()) {
                let _ = (start.relevant(), start.options(), start.database());
            }
        }
    }
}
