//! One line for each thing that happened: for pipes, logs and CI.

use sprag_session::{Event, Observer};

use super::words;
use crate::show;

#[derive(Debug, Default)]
pub(crate) struct Plain {}

impl Observer for Plain {
    fn tell(&mut self, event: &Event<'_>) {
        if let Some(line) = words::line(event) {
            show::aside(&line);
        }
    }
}
