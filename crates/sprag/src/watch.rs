//! Views of a running session: a live line on a terminal, plain lines elsewhere.

mod interrupt;
mod live;
mod plain;
mod words;

use std::io::IsTerminal;

use sprag_session::Observer;

pub(crate) use interrupt::interrupt;

/// The view that fits stderr.
pub(crate) fn view() -> Box<dyn Observer> {
    if std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb") {
        Box::new(live::Live::new())
    } else {
        Box::new(plain::Plain::default())
    }
}
