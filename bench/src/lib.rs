//! What the benches of Sprag share: generated repositories, a state folder of their own, a load generator, and the few
//! numbers that a report needs. Each bench is a binary that prints what ran side by side; nothing here asserts a speed.

pub mod live;
pub mod load;
pub mod numbers;
pub mod options;
pub mod replay;
pub mod repository;
pub mod rows;
pub mod rust_crate;
pub mod stage;

/// What a bench ends with when it cannot go on: any error, for a person to read.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
