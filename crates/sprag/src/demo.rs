//! The bundled examples: unpacked into a folder of their own, prepared and run.

pub(crate) mod noop;
pub(crate) mod python;
pub(crate) mod thematic;
mod unpack;
