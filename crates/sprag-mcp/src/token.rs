//! The word that a client over HTTP must know.

use std::fmt;

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use rand::RngExt;
use subtle::ConstantTimeEq;

use crate::ServeError;

/// The variable that holds the token, where a person sets one.
pub const TOKEN: &str = "SPRAG_MCP_TOKEN";
/// A shorter one could be guessed.
pub(crate) const SHORTEST: usize = 16;

/// A bearer token. It is shown once, by whoever made it, and is in no message otherwise.
pub struct Token(String);

impl Token {
    /// The token that a person set.
    ///
    /// # Errors
    /// [`ServeError::WeakToken`] where it is short, or could not stand in a header.
    pub fn given(text: String) -> Result<Self, ServeError> {
        let is_good = text.len() >= SHORTEST && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_good { Ok(Self(text)) } else { Err(ServeError::WeakToken) }
    }

    /// One that nobody knows yet.
    pub fn fresh() -> Self {
        let bytes: [u8; 32] = rand::rng().random();
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The token itself, to be shown to the person who starts the server.
    pub fn shown(&self) -> &str {
        &self.0
    }

    /// Whether the request carries it. How long the answer takes does not tell how much of it is right.
    pub(crate) fn is_in(&self, headers: &HeaderMap) -> bool {
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (given.next(), given.next()) else { return false };
        let Some((scheme, token)) = value.to_str().ok().and_then(|value| value.split_once(' ')) else {
            return false;
        };
        scheme.eq_ignore_ascii_case("bearer") && bool::from(token.trim().as_bytes().ct_eq(self.0.as_bytes()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn only_the_whole_token_in_one_bearer_header_is_right() {
        let token = Token::given("0123456789abcdef".to_owned()).expect("long enough");
        let with = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_static(value));
            }
            token.is_in(&headers)
        };
        assert!(with(&["Bearer 0123456789abcdef"]));
        assert!(with(&["bearer 0123456789abcdef"]));
        assert!(!with(&[]));
        assert!(!with(&["Bearer 0123456789abcde"]));
        assert!(!with(&["Bearer 0123456789abcdef0"]));
        assert!(!with(&["Basic 0123456789abcdef"]));
        assert!(!with(&["0123456789abcdef"]));
        assert!(!with(&["Bearer 0123456789abcdef", "Bearer 0123456789abcdef"]));
    }

    #[test]
    fn a_short_token_or_one_with_a_line_break_is_none_and_no_message_holds_one() {
        assert!(Token::given("short".to_owned()).is_err());
        assert!(Token::given("0123456789abcdef\n".to_owned()).is_err());
        let token = Token::fresh();
        assert_eq!(token.shown().len(), 64);
        assert_ne!(token.shown(), Token::fresh().shown());
        assert!(!format!("{token:?}").contains(token.shown()));
    }
}
