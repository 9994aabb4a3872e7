//! The bundled examples: unpacked into a folder of their own, prepared and run.

pub(crate) mod noop;
mod python;
pub(crate) mod thematic;
mod unpack;
